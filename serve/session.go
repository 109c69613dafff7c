package serve

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"time"

	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// sessionTime is for how long a browser stays signed in.
const sessionTime = 12 * time.Hour

// sessions have browsers send a token once, and a cookie from then on, which pictures and WebSockets of a page have, too. The cookie says which token it
// stands for, and until when, under a key of this process: nothing is kept, and it ends with the token, with its time, and with the server.
type sessions struct {
	key [sha256.Size]byte
	tls bool
}

func newSessions(tls bool) *sessions {
	s := &sessions{tls: tls}
	_, _ = rand.Read(s.key[:]) // which never fails
	return s
}

// name is that of the cookie. Browsers take the prefix __Host- from this host alone, and by TLS.
func (s *sessions) name() string {
	if s.tls {
		return "__Host-energo"
	}
	return "energo"
}

const sessionSize = 8 + sha256.Size // its end, and the digest of its token

func (s *sessions) seal(text []byte) []byte {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write(text)
	return mac.Sum(text)
}

// cookie stands for a token until a time; without a token it has browsers forget the one they have.
func (s *sessions) cookie(token string, until time.Time) *http.Cookie {
	c := &http.Cookie{Name: s.name(), Path: "/", HttpOnly: true, Secure: s.tls, SameSite: http.SameSiteStrictMode, MaxAge: -1}
	if token != "" {
		sum := bearer.Sum(token)
		text := append(binary.BigEndian.AppendUint64(nil, uint64(until.Unix())), sum[:]...)
		c.Value, c.MaxAge = base64.RawURLEncoding.EncodeToString(s.seal(text)), int(time.Until(until).Seconds())
	}
	return c
}

// holder is whose cookie a request has; ok is false where it has none that holds now.
func (s *sessions) holder(r *http.Request, tokens *bearer.List) (h bearer.Holder, ok bool) {
	sent := r.CookiesNamed(s.name())
	if len(sent) != 1 || len(sent[0].Value) > base64.RawURLEncoding.EncodedLen(sessionSize+sha256.Size) {
		return h, false
	}
	text, err := base64.RawURLEncoding.DecodeString(sent[0].Value)
	if err != nil || len(text) != sessionSize+sha256.Size || !hmac.Equal(text, s.seal(text[:sessionSize:sessionSize])) {
		return h, false
	}
	if time.Now().Unix() >= int64(binary.BigEndian.Uint64(text)) {
		return h, false
	}
	return tokens.FindSum([sha256.Size]byte(text[8:sessionSize]))
}

// sessionRoutes sign browsers in and out, where there are tokens.
func (s *Server) sessionRoutes() []Route {
	if s.tokens == nil {
		return nil
	}
	token := openapi.Object(map[string]openapi.Schema{"token": openapi.Text()}, "token")
	scopes := openapi.ListOf(openapi.Text()).With("description", "What the token may be used for.")
	signed := openapi.Object(map[string]openapi.Schema{"name": openapi.Text(), "scopes": scopes}, "name", "scopes")
	return []Route{
		{Pattern: "POST /v1/session", Do: s.signIn, Scope: ScopeNone, Doc: openapi.Operation{
			ID: "signIn", Summary: "Have a browser send a cookie instead of a token from now on",
			Description: "The cookie is of this host alone, and no script reads it. It ends after 12 hours, with its token, or with the server.",
			Body:        openapi.Content{"application/json": token},
			Answers:     map[int]openapi.Answer{200: {Description: "Whose token it is.", Content: openapi.Content{"application/json": signed}}}, Refusals: []int{401},
		}},
		{Pattern: "DELETE /v1/session", Do: s.signOut, Plain: true, Scope: ScopeNone, Doc: openapi.Operation{
			ID: "signOut", Summary: "Have a browser forget its cookie",
			Answers: map[int]openapi.Answer{204: {Description: "It is forgotten."}},
		}},
	}
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	b, err := wire.Read(r)
	if err != nil {
		return err
	}
	if b.JSON == nil {
		return wire.Media("a token must be application/json")
	}
	var token string
	if err := wire.Decode(b.JSON, wire.Object(map[string]wire.Reader{"token": wire.Text(&token)})); err != nil {
		return err
	}
	h, ok := (*s.tokens.value.Load()).Find(token)
	if !ok || len(token) > maxToken {
		p := unauthorized("the token is not one that this server knows", "")
		p.challenge(w, ScopeNone)
		p.Field = "token"
		return &p.Problem
	}
	http.SetCookie(w, s.sessions.cookie(token, time.Now().Add(sessionTime)))
	RequestOf(r.Context()).Client = h.Name
	wire.WriteJSON(w, http.StatusOK, map[string]any{"name": h.Name, "scopes": h.Scopes})
	return nil
}

func (s *Server) signOut(w http.ResponseWriter, _ *http.Request) error {
	http.SetCookie(w, s.sessions.cookie("", time.Time{}))
	w.WriteHeader(http.StatusNoContent)
	return nil
}
