package studio

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strings"
	"testing"

	"github.com/energo-ml/energo/catalogue"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/chromium"
	"github.com/energo-ml/energo/loss"
)

// asking is a request to a server and to a site.
type asking struct{ method, path, body string }

// lossAskings ask for every loss in each of its pictures, and for what is not there.
func lossAskings() (all []asking) {
	get := func(path string) { all = append(all, asking{"GET", "/v1/studio/losses" + path, ""}) }
	get("")
	for _, e := range functional.Catalogue() {
		get("/ebm." + e.Name + "/curves?along=difference")
		get("/ebm." + e.Name + "/plane")
	}
	for _, e := range loss.Catalogue() {
		get("/" + e.Name + "/curves")
		if n := len(catalogue.PointsOf(e)); n > 0 {
			at := []string{"1.4,0.4", "0.7,1.4", "1.6,-0.4", "-1.2,-0.6"}
			get("/" + e.Name + "/points?" + url.Values{"at": at[:n]}.Encode())
		}
	}
	for _, path := range []string{"/huber/curves?option=delta%3D-1", "/huber/curves?option=none%3D1", "/huber/plane", "/mse/points", "/no/curves", "/huber/curves?along=x", "/huber/curves?other=1"} {
		get(path)
	}
	return all
}

// otherAskings ask for surfaces, chains on them, and what CTC makes of frames.
func otherAskings() []asking {
	return []asking{
		{"GET", "/v1/studio/lessons", ""},
		{"POST", "/v1/studio/lessons", `{"set":"parabola"}`},
		{"POST", "/v1/studio/lessons/none", `{}`},
		{"GET", "/v1/studio/runs", ""},
		{"GET", "/v1/studio/surfaces", ""},
		{"GET", "/v1/studio/curves?of=loss&by=epoch&run=bowl&run=plain", ""},
		{"GET", "/v1/studio/surfaces/bowl", ""},
		{"GET", "/v1/studio/surfaces/bowl/frame?film=surface&frame=3", ""},
		{"GET", "/v1/studio/surfaces/bowl/frame?film=surface&frame=5", ""},
		{"POST", "/v1/studio/surfaces/bowl/drift", `{"film":"surface","frame":0,"moves":5,"chains":{"sampler":"mala","size":0.01,"beta":1,"seed":1},"start":[[0.5,2],[0,1]]}`},
		{"POST", "/v1/studio/ctc", `{"classes":["-","a","b"],"scores":[[1,2,0],[0.5,-1,3],[2,0,0]],"text":"ab"}`},
		{"POST", "/v1/studio/ctc", `{"classes":["-","a"],"scores":[[1,2]],"text":"aa"}`},
		{"POST", "/v1/studio/ctc", `{"classes":["-"],"scores":[[1]],"text":""}`},
	}
}

// lessonAskings train a surface a little, and move chains over it.
var lessonAskings = map[string][]string{
	`{"set":"parabola","energy":"codes","functional":"nll","beta":1,"rate":0.05,"decay":0.002,"batch":64,"seed":1}`:             {`{"steps":5,"side":9}`, `{"start":[[0,0],[0.5,1]],"chains":{"sampler":"langevin","size":0.01,"beta":1,"seed":1},"moves":3,"side":9}`},
	`{"set":"parabola","energy":"output","functional":"square_square","margin":0.5,"ball":0.3,"rate":0.05,"batch":16,"seed":2}`: {`{"steps":3,"side":9}`, `{"settings":{"set":"parabola","energy":"output","functional":"hinge","margin":1,"ball":0.3,"rate":0.05,"batch":16,"seed":2},"steps":2,"side":9}`},
	`{"set":"rings","objective":"cd","rate":0.003,"batch":64,"seed":1}`:                                                         {`{"steps":2,"side":9}`, `{"start":[[0,0]],"chains":{"sampler":"hmc","size":0.01,"beta":1,"seed":1},"moves":2}`},
	`{"set":"points","points":[[0,0],[1,1]],"objective":"denoising","rate":0.003,"batch":8,"seed":1}`:                           {`{"steps":2,"side":9}`},
}

// TestSameAnswers: WebAssembly answers as the server does. Where numbers differ they do by rounding: another instruction set sums in another order.
func TestSameAnswers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	writeFilm(t, folder, "bowl")
	fixture{name: "plain", lr: 0.1, functional: "nll", epochs: 3, steps: 400}.write(t, folder)
	server := start(t, folder)
	_, at := exported(t, Site{Folder: folder})
	b := chromium.Open(t, at+"#/losses")
	b.Await("document.querySelector('.graph .value') !== null", "true")
	site := func(a asking) (int, string) {
		text := b.Eval(fmt.Sprintf("import(new URL('studio/site/site.js', document.baseURI)).then((m) => m.answer(%q, {method: %q, body: %q})).then(async (r) => JSON.stringify([r.status, await r.text()]))", a.path, a.method, a.body))
		var both [2]any
		if err := json.Unmarshal([]byte(text), &both); err != nil {
			t.Fatal(err)
		}
		return int(both[0].(float64)), both[1].(string)
	}
	s := &sameness{t: t}
	compare := func(a, other asking) {
		status, want := ask(t, a.method, server+a.path, a.body)
		got, text := site(other)
		if got != status {
			t.Errorf("%v: status %d %.300s; the server has %d %.300s", a, got, text, status, want)
		}
		s.texts(fmt.Sprint(a), text, want)
	}
	for _, a := range append(lossAskings(), otherAskings()...) {
		compare(a, a)
	}
	for settings, turns := range lessonAskings {
		begin := asking{"POST", "/v1/studio/lessons", settings}
		_, one := ask(t, begin.method, server+begin.path, settings)
		_, two := site(begin)
		for _, turn := range turns {
			compare(asking{"POST", begin.path + "/" + idOf(t, one), turn}, asking{"POST", begin.path + "/" + idOf(t, two), turn})
		}
	}
	t.Logf("%d numbers, of which %d differ, at most by %.2g of their size", s.numbers, s.differ, s.most)
	if s.numbers < 10000 {
		t.Errorf("only %d numbers were compared", s.numbers)
	}
}

func idOf(t *testing.T, text string) string {
	t.Helper()
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.ID == "" {
		t.Fatalf("%.300s: %v", text, err)
	}
	return made.ID
}

// sameness compares answers.
type sameness struct {
	t       *testing.T
	numbers int
	differ  int
	most    float64
}

// sameWithin is how far numbers of single precision may be apart after a few steps of training.
const sameWithin = 1e-3

func (s *sameness) texts(place, got, want string) {
	var a, b any
	if json.Unmarshal([]byte(got), &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		s.t.Errorf("%s: no JSON: %.300s; %.300s", place, got, want)
		return
	}
	s.values(place, a, b)
}

func (s *sameness) values(place string, a, b any) {
	switch want := b.(type) {
	case map[string]any:
		got, _ := a.(map[string]any)
		for name, v := range want {
			if name != "type" && name != "title" { // of a problem over HTTP
				s.values(place+"."+name, got[name], v)
			}
		}
	case []any:
		got, _ := a.([]any)
		if len(got) != len(want) {
			s.t.Errorf("%s has %d elements; the server has %d", place, len(got), len(want))
			return
		}
		for i, v := range want {
			s.values(fmt.Sprintf("%s[%d]", place, i), got[i], v)
		}
	case float64:
		got, ok := a.(float64)
		if !ok {
			s.t.Errorf("%s is %v; the server has %v", place, a, want)
			return
		}
		s.number(place, got, want)
	case string:
		got, _ := a.(string)
		if got == want {
			return
		}
		if len(got) != len(want) || strings.Contains(want, " ") {
			s.t.Errorf("%s is %.200q; the server has %.200q", place, got, want)
			return
		}
		one, two := unpacked(s.t, got), unpacked(s.t, want)
		for i := range two {
			s.number(fmt.Sprintf("%s[%d]", place, i), one[i], two[i])
		}
	default:
		if a != b {
			s.t.Errorf("%s is %v; the server has %v", place, a, b)
		}
	}
}

func (s *sameness) number(place string, got, want float64) {
	s.numbers++
	if got == want || got != got && want != want {
		return
	}
	far := math.Abs(got-want) / max(1, math.Abs(want))
	s.differ, s.most = s.differ+1, max(s.most, far)
	if !(far <= sameWithin) {
		s.t.Errorf("%s is %v; the server has %v", place, got, want)
	}
}
