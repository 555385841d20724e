package taxiitest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// account is the one login that a fake knows.
type account struct {
	user, password string // no user: everybody may ask
	uses           int    // questions that a token is good for, 0: any number
}

// tokens are those that were given, with the questions that they are left for.
type tokens map[string]int

// give answers a login with a token, if it is right.
func (t *tokens) give(a account, w http.ResponseWriter, body []byte) bool {
	var who struct{ Username, Password string }
	if json.Unmarshal(body, &who) != nil || who.Username != a.user || who.Password != a.password {
		return false
	}
	if *t == nil {
		*t = tokens{}
	}
	token := rand.Text()
	(*t)[token] = a.uses
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"token":%q}`, token)
	return true
}

// know reports whether the login of a question is right.
func (t tokens) know(a account, r *http.Request) bool {
	if a.user == "" {
		return true
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		left, given := t[token]
		switch {
		case !given:
		case left == 1:
			delete(t, token)
		default:
			t[token]--
		}
		return given
	}
	user, password, ok := r.BasicAuth()
	return ok && user == a.user && password == a.password
}
