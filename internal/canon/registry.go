package canon

// hives are the names that the root of a registry key goes by, the canonical one
// first: the long one of the documentation and of reg.exe, the short one of
// Sysmon and most reports, PowerShell's drive, the kernel's object.
var hives = [][]string{
	{`HKEY_LOCAL_MACHINE`, `HKLM`, `HKLM:`, `\REGISTRY\MACHINE`},
	{`HKEY_CURRENT_USER`, `HKCU`, `HKCU:`},
	{`HKEY_CLASSES_ROOT`, `HKCR`, `HKCR:`},
	{`HKEY_USERS`, `HKU`, `HKU:`, `\REGISTRY\USER`},
	{`HKEY_CURRENT_CONFIG`, `HKCC`, `HKCC:`},
}

// RegistryKey returns a registry key with the long name of its root:
// HKLM\Software\x is HKEY_LOCAL_MACHINE\Software\x. What stands behind the root
// is left as it is.
func RegistryKey(s string) (string, error) {
	s, err := phrase(s)
	if err != nil {
		return "", err
	}
	if names, rest := Hive(s); names != nil {
		s = names[0] + rest
	}
	if len(s) > maxLen {
		return "", errTooLong
	}
	return s, nil
}

// isHive reports whether s is a key below a root, by any of its names.
func isHive(s string) bool {
	names, rest := Hive(s)
	return names != nil && len(rest) > 1
}

// Hive parts a registry key behind its root. names are the names that the root
// goes by, the canonical one first, and must not be changed; rest is empty or
// begins with a backslash. For a key without a root names is nil.
func Hive(key string) (names []string, rest string) {
	for _, names := range hives {
		for _, n := range names {
			if rest := key[min(len(n), len(key)):]; hasPrefixFold(key, n) && (rest == "" || rest[0] == '\\') {
				return names, rest
			}
		}
	}
	return nil, key
}
