package serve

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/wire"
)

// ScopeNone is that of a [Route] which everybody may use.
const ScopeNone bearer.Scope = "none"

// scope is the one that a token must have.
func (r *Route) scope() bearer.Scope {
	method, _, _ := strings.Cut(r.Pattern, " ")
	switch {
	case r.Scope != "":
		return r.Scope
	case r.Plain && r.Doc.ID == "": // a page of the program, which tells nothing
		return ScopeNone
	case method == http.MethodGet || method == http.MethodHead:
		return bearer.ScopeRead
	}
	return bearer.ScopeWrite
}

// openTokens reads the file of tokens for the first time.
func (s *Server) openTokens(path string) (err error) {
	parse := func(texts [][]byte) (*bearer.List, error) { return bearer.Parse(path, texts[0]) }
	if s.tokens, err = keep("tokens", []string{path}, parse); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	s.files = append(s.files, s.tokens)
	s.sessions = newSessions(s.o.TLS != (TLS{}))
	s.metrics.registry.MustRegister(gauge("energo_tokens", "Tokens that are known.", func() float64 { return float64((*s.tokens.value.Load()).Len()) }))
	return nil
}

// allowed has a handler answer those alone whose token has a scope; tell tells the others.
func (s *Server) allowed(scope bearer.Scope, h http.HandlerFunc, tell func(*wire.Problem, http.ResponseWriter)) http.HandlerFunc {
	if s.tokens == nil || scope == ScopeNone {
		return h
	}
	return func(w http.ResponseWriter, r *http.Request) {
		holder, refusal := s.holder(r)
		if refusal == nil {
			RequestOf(r.Context()).Client = holder.Name
			if !holder.May(scope) {
				refusal = &refused{wire.Problem{
					Status: http.StatusForbidden, Code: wire.CodeScope, Detail: fmt.Sprintf("the token of %s has not the scope %s", holder.Name, scope),
				}, "insufficient_scope"}
			}
		}
		if refusal == nil {
			h(w, r)
			return
		}
		refusal.challenge(w, scope)
		tell(&refusal.Problem, w)
	}
}

// maxToken is how many bytes a token has at most that is looked for.
const maxToken = 512

// holder is who sends a request, by its token or by the cookie of a browser that was signed in. That a page of another origin does not use the
// cookie is for its SameSite, and for what [Server.ours] refuses.
func (s *Server) holder(r *http.Request) (h bearer.Holder, no *refused) {
	sent := r.Header.Values("Authorization")
	if len(sent) == 0 {
		if h, ok := s.sessions.holder(r, *s.tokens.value.Load()); ok {
			return h, nil
		}
	}
	if len(sent) > 1 {
		return h, malformed(fmt.Sprintf("there are %d Authorization headers; one is taken", len(sent)))
	}
	scheme, token, _ := strings.Cut(strings.Join(sent, ""), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return h, unauthorized("a token is needed: Authorization: Bearer TOKEN", "")
	}
	if token = strings.TrimLeft(token, " "); !isToken68(token) {
		return h, malformed("the Authorization header is not Bearer and a token")
	}
	if len(token) <= maxToken {
		if h, ok := (*s.tokens.value.Load()).Find(token); ok {
			return h, nil
		}
	}
	return h, unauthorized("the token is not one that this server knows", "invalid_token")
}

// isToken68 tells whether a text has the form of tokens in RFC 6750 and RFC 9110.
func isToken68(text string) bool {
	body := strings.TrimRight(text, "=")
	return body != "" && !strings.ContainsFunc(body, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-._~+/", c))
	})
}

// refused is a request whose token does not do, with the error code of RFC 6750, which is empty where there is none.
type refused struct {
	wire.Problem
	code string
}

func unauthorized(detail, code string) *refused {
	return &refused{wire.Problem{Status: http.StatusUnauthorized, Code: wire.CodeUnauthorized, Detail: detail}, code}
}

func malformed(detail string) *refused {
	return &refused{wire.Problem{Status: http.StatusBadRequest, Code: wire.CodeMalformed, Detail: detail}, "invalid_request"}
}

// challenge says in the answer's header how it would do.
func (p *refused) challenge(w http.ResponseWriter, scope bearer.Scope) {
	challenge := `Bearer realm="energo"`
	if p.code != "" {
		challenge += fmt.Sprintf(`, error=%q, error_description=%q`, p.code, p.Detail)
	}
	if p.code == "" || p.code == "insufficient_scope" {
		challenge += fmt.Sprintf(`, scope=%q`, scope)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	p.Field = cmp.Or(p.Field, "Authorization")
}
