package studio

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/chromium"
	"github.com/energo-ml/energo/serve/studio/answer"
)

// asked sends a request to the studio, and returns the status and the answer.
func asked(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

const parabolaSettings = `{"set":"parabola","energy":"codes","functional":"nll","beta":1,"rate":0.05,"decay":0.002,"batch":64,"seed":1}`

// TestLessons: a lesson is made, turned and ended; what is wrong is said; there are not more than fit.
func TestLessons(t *testing.T) {
	at := start(t, t.TempDir()) + "/v1/studio/lessons"
	if status, text := asked(t, "GET", at, ""); status != 200 || !strings.Contains(text, `"name":"square_square"`) {
		t.Fatalf("choices: %d %s", status, text)
	}
	made := func() string {
		status, text := asked(t, "POST", at, parabolaSettings)
		var m struct{ ID string }
		if err := json.Unmarshal([]byte(text), &m); status != 200 || err != nil || m.ID == "" {
			t.Fatalf("%d %s", status, text)
		}
		return m.ID
	}
	id := made()
	status, text := asked(t, "POST", at+"/"+id, `{"steps":20,"side":9,"chains":{"sampler":"mala","size":0.01,"beta":2,"seed":1},"start":[[0,0],[0.5,1]],"moves":3}`)
	var a struct {
		Step   int
		Places [][2]float64
		View   struct {
			X      []float64
			Energy string
			Push   []any
		}
	}
	if err := json.Unmarshal([]byte(text), &a); status != 200 || err != nil || a.Step != 20 || len(a.Places) != 2 || a.Places[1][0] != 0.5 || len(a.View.X) != 9 || len(a.View.Energy) != 432 || len(a.View.Push) == 0 {
		t.Fatalf("a turn: %d %v %.200s", status, err, text)
	}
	for body, want := range map[string]string{
		`{"steps":-1}`: "steps and moves are -1", `{"steps":1e3}`: "steps", `{"step":1}`: "step", `{"side":1}`: "side is 1",
		`{"start":[[0]]}`: "start[0] has 1 numbers", `{"start":[[0,1,2]]}`: "start[0]", `{"chains":{"sampler":"dice","size":1,"beta":1}}`: "dice",
		`{"settings":{"set":"rings","objective":"nll","rate":1,"batch":1}}`: "another network", `{"steps":1}{}`: "more behind",
	} {
		if status, text := asked(t, "POST", at+"/"+id, body); status < 400 || status > 499 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if status, text := asked(t, "POST", at, `{"set":"parabola"}`); status != 422 || !strings.Contains(text, "energy is") {
		t.Errorf("settings: %d %s", status, text)
	}
	for range answer.LessonsMost {
		made()
	}
	if status, text := asked(t, "POST", at+"/"+id, `{}`); status != 404 || !strings.Contains(text, "there is no lesson") {
		t.Errorf("the oldest: %d %s", status, text)
	}
	id = made()
	for range 2 {
		if status, _ := asked(t, "DELETE", at+"/"+id, ""); status != 200 {
			t.Errorf("ended: %d", status)
		}
	}
}

// TestLessonView: a surface is seen to be trained, to collapse and to be cured, beside another, in three dimensions, with chains; own points are drawn.
func TestLessonView(t *testing.T) {
	at := start(t, t.TempDir())
	b := chromium.Open(t, at+"/#/lesson?f=energy")
	figures := "(document.querySelector('.figures')?.textContent || '')"
	b.Await(figures+".includes('step 0')", "true")
	b.Eval("document.querySelector('#view-lesson .main').click()")
	b.Await("Number(/step ([0-9,]+)/.exec("+figures+")[1].replace(',', '')) > 100", "true")
	b.Eval("[...document.querySelectorAll('.scenes a')].find(a => a.textContent === 'Collapse beside cure').click()")
	b.Await("document.querySelectorAll('.pane').length", "2")
	b.Await("[...document.querySelectorAll('.figures')].map(e => /step ([0-9,]+)/.exec(e.textContent)?.[1]).every(s => s && Number(s.replace(',', '')) > 50)", "true")
	b.Eval("(() => { const c = document.querySelector('.plane canvas'), r = c.getBoundingClientRect(); c.dispatchEvent(new MouseEvent('click', {clientX: r.left + r.width * 0.7, clientY: r.top + r.height / 2})) })()")
	b.Await(figures+".includes('24 chains')", "true")
	checkAccess(t, b)
	b.Shot("lesson")
	b.Eval("document.querySelector('#view-lesson .main').click()")
	b.Await("document.querySelector('#view-lesson .main').textContent", "Train")
	for _, box := range []string{"3-D", "density"} {
		b.Eval("[...document.querySelectorAll('#view-lesson label')].find(l => l.textContent === '" + box + "').querySelector('input').click()")
	}
	b.Await("location.hash.includes('solid=1') && location.hash.includes('density=1')", "true")
	b.Shot("lesson-3d")
	b.Eval("location.hash = '#/lesson?set=points&f=nll'")
	b.Await("document.querySelectorAll('.pane').length", "1")
	b.Await(figures+".includes('step 0')", "true")
	b.Eval("(() => { const c = document.querySelector('.plane canvas'), r = c.getBoundingClientRect(); for (const x of [0.3, 0.6]) c.dispatchEvent(new MouseEvent('click', {clientX: r.left + r.width * x, clientY: r.top + r.height / 2})) })()")
	b.Await("new URLSearchParams(location.hash.split('?')[1]).get('points')?.split(';').length", "2")
	b.Eval("document.querySelector('#view-lesson .main').click()")
	b.Await("Number(/step ([0-9,]+)/.exec("+figures+")[1].replace(',', '')) > 30", "true")
	checkAccess(t, b)
	b.Shot("lesson-points")
	checkQuiet(t, b, at)
}
