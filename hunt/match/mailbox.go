package match

// maxLocal is the longest part before the '@' that is looked for as such; RFC
// 5321 §4.5.3.1.1 allows 64. A longer one is searched for as free text.
const maxLocal = 256

// localByte holds what can stand before the '@', localWord what does in most
// addresses: a listed address does not match behind one of the latter, as
// "notbob@" is another mailbox, but does behind the rest ("to=bob@").
var localByte, localWord = func() (all, word [256]bool) {
	for b := range 128 {
		word[b] = class[b]&run != 0 || b == '+'
		all[b] = word[b]
	}
	for _, b := range "=&~!#$%'*/?^`{|}" {
		all[b] = true
	}
	return all, word
}()

// mailbox looks for a listed address whose host begins at t[start], behind '@'.
func (c *scanner) mailbox(start int) {
	if c.text[start] == '.' {
		return
	}
	end := pieceEnd(c.text, start)
	c.key = appendFolded(c.key[:0], c.text[start:end])
	c.mail(start, end, 0)
}

// mail looks up the addresses at the host t[start:end], of which c.key is the
// canonical form.
func (c *scanner) mail(start, end int, rule Rule) {
	s, t := c.set, c.text
	h := uint64(seed)
	for i := len(c.key) - 1; i >= 0; i-- {
		h = step(h, c.key[i])
	}
	h = step(h, '@')
	host := len(c.key)
	limit := max(0, start-1-int(s.longest[keyMail]))
	for i := start - 2; i >= limit && localByte[t[i]]; i-- {
		h = step(h, fold[t[i]])
		if i > 0 && localWord[t[i-1]] {
			continue
		}
		if n := finish(h, keyMail); s.maybe(n) {
			c.key = append(c.key[:host], t[i:start]...)
			c.key = append(c.key, c.key[:host]...)
			address := c.key[host:]
			found := rule
			if hasUpper(t[i:end]) {
				found |= Case
			}
			for k, b := range address {
				address[k] = fold[b]
			}
			c.token(s.find(keyMail, n, address), i, end, found)
		}
	}
}
