package httpx

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // to read keys of old gateways
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // the default of RFC 8018
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"hash"
)

// What openssl writes as "BEGIN ENCRYPTED PRIVATE KEY": RFC 5958 §3 with the
// PBES2 of RFC 8018, PBKDF2 and AES (or triple DES) in CBC mode.
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct{ KDF, Cipher pkix.AlgorithmIdentifier }

type pbkdf2Params struct {
	Salt   []byte
	Rounds int
	Length int                      `asn1:"optional"`
	Hash   pkix.AlgorithmIdentifier `asn1:"optional"`
}

var errScheme = errors.New("it is encrypted in a way that is not known here; write it anew: " +
	"openssl pkey -aes256 -in key.pem -out new.pem")

const (
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"
)

var hashes = map[string]func() hash.Hash{
	"":                    sha1.New,
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

var ciphers = map[string]struct {
	size  int // of the key, in bytes
	block func([]byte) (cipher.Block, error)
}{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
}

// maxRounds bounds the work that a key file may ask for: about a second.
const maxRounds = 2_000_000

// openPKCS8 returns the PKCS #8 key (RFC 5958) in an encrypted one.
func openPKCS8(der []byte, password Secret) ([]byte, error) {
	if password == "" {
		return nil, errNoPassword
	}
	var k encryptedKey
	var s pbes2
	var p pbkdf2Params
	if !read(der, &k) || k.Algorithm.Algorithm.String() != oidPBES2 || !read(k.Algorithm.Parameters.FullBytes, &s) ||
		s.KDF.Algorithm.String() != oidPBKDF2 || !read(s.KDF.Parameters.FullBytes, &p) {
		return nil, errScheme
	}
	var iv []byte
	mix, kind := hashes[p.Hash.Algorithm.String()], ciphers[s.Cipher.Algorithm.String()]
	if mix == nil || kind.block == nil || !read(s.Cipher.Parameters.FullBytes, &iv) || p.Rounds < 1 || p.Rounds > maxRounds {
		return nil, errScheme
	}
	key, err := pbkdf2.Key(mix, string(password), p.Salt, p.Rounds, kind.size)
	if err != nil {
		return nil, errScheme
	}
	block, err := kind.block(key)
	if err != nil || len(iv) != block.BlockSize() || len(k.Data) == 0 || len(k.Data)%block.BlockSize() != 0 {
		return nil, errScheme
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(k.Data, k.Data)
	return unpad(k.Data, block.BlockSize())
}

// read decodes the whole of der into v.
func read(der []byte, v any) bool {
	rest, err := asn1.Unmarshal(der, v)
	return err == nil && len(rest) == 0
}

// unpad takes the padding off (RFC 8018 §6.1.1), and knows by it that the
// password was wrong.
func unpad(b []byte, size int) ([]byte, error) {
	n := int(b[len(b)-1])
	if n < 1 || n > size {
		return nil, errWrongPassword
	}
	for _, c := range b[len(b)-n:] {
		if int(c) != n {
			return nil, errWrongPassword
		}
	}
	return b[:len(b)-n], nil
}
