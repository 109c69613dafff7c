package search

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve/bearer"
)

// With tokens the page has a form for one; what it shows then are items with their pictures, until the token is gone.
func TestPageSignIn(t *testing.T) {
	o := album(t)
	o.Tokens = filepath.Join(t.TempDir(), "tokens")
	line := bearer.Line(bearer.Holder{Name: "reader", Scopes: []bearer.Scope{bearer.ScopeRead}}, "secret")
	if err := os.WriteFile(o.Tokens, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	s, at := start(t, o)
	b := browse(t, at+"/")
	const form, refused = "document.getElementById('sign').open", "document.getElementById('refused').textContent"
	sign := func(token string) {
		t.Helper()
		b.Await(form, "true")
		b.Eval(fmt.Sprintf("document.getElementById('token').value = %q; document.querySelector('#sign form').requestSubmit()", token))
	}
	sign("wrong")
	b.Await(refused, "the token is not one that this server knows")
	sign("secret")
	b.Await(form, "false")
	b.Await("document.getElementById('about').textContent.startsWith('145 items')", "true")
	b.Await("[...document.querySelectorAll('#gallery img')].some(i => i.complete && i.naturalWidth > 0)", "true")
	if got := b.Eval("document.cookie + sessionStorage.getItem('energo signed in')"); got != "reader" {
		t.Errorf("a script sees %q", got)
	}
	b.Eval(click("sign-out"))
	b.Await(form, "true")
	sign("secret")
	b.Await("document.getElementById('signed').hidden", "false")
	if err := os.WriteFile(o.Tokens, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	b.Eval(click("to-map"))
	b.Await(form, "true")
}

// Of several indexes one is chosen, which the address has from then on.
func TestPageOfSeveral(t *testing.T) {
	o := options(onDisk(t)).Options
	_, at := several(t, map[string]Options{"a": {Index: &plain{dim: 2, items: []index.Item{{ID: "one", Vector: []float32{1, 0}}}}}, "b": o})
	b := browse(t, at+"/")
	const about = "document.getElementById('about').textContent.split(',')[0]"
	b.Await(about, "1 item")
	b.Eval("setTimeout(() => { document.getElementById('indexes').value = 'b'; document.getElementById('indexes').dispatchEvent(new Event('change')) })") // which loads the page anew
	b.Await(about, "4 items")
	b.Await("[...document.querySelectorAll('#gallery img')].some(i => i.src.includes('/v1/indexes/b/thumb/') && i.naturalWidth > 0)", "true")
	b.Eval(click("to-map"))
	b.Await("new URLSearchParams(location.search).get('index')", "b")
	b.Await(status, "4 items")
	b.Await(wrong, "")
	b.checkQuiet(at)
}
