package studio

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/catalogue"
	"github.com/energo-ml/energo/internal/chromium"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/train/lesson"
)

// actsMost is how many clicks, drags and keys a student needs for a figure of the lecture, at most, from the studio's first page on.
const actsMost = 10

// student uses the studio by pointer and keys.
type student struct {
	*chromium.Browser
	t     *testing.T
	at    string
	doing string
	acts  int
}

// begins opens the studio anew.
func (s *student) begins(doing string) {
	s.t.Helper()
	s.ends()
	s.doing, s.acts = doing, 0
	s.Call("Page.navigate", map[string]any{"url": "about:blank"}, nil)
	s.Call("Page.navigate", map[string]any{"url": s.at + "/"}, nil)
	s.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 1300, "height": 1000, "deviceScaleFactor": 1, "mobile": false}, nil)
	s.Await("document.querySelector('#views a[aria-current]')?.textContent", "Runs")
}

func (s *student) ends() {
	s.t.Helper()
	if s.doing != "" {
		s.t.Logf("%s: %d acts", s.doing, s.acts)
	}
	if s.acts > actsMost {
		s.t.Errorf("%s took %d clicks, drags and keys; want at most %d", s.doing, s.acts, actsMost)
	}
}

// link is a link or a button whose text begins so, as a script.
func link(text string) string {
	return fmt.Sprintf("[...document.querySelectorAll('#views a, #view a, #view button')].find(e => e.textContent.startsWith(%q))", text)
}

func (s *student) click(element string) {
	s.t.Helper()
	s.acts++
	s.Click(element)
}

func (s *student) drag(element string, x, y float64) {
	s.t.Helper()
	s.acts++
	s.Drag(element, x, y)
}

// picture keeps what the student sees, where a folder for pictures is named.
func (s *student) picture(name string) {
	if os.Getenv("ENERGO_SHOTS") != "" {
		shots(s.t, s.Browser, name)
	}
}

func (s *student) key(name string, code int) {
	s.t.Helper()
	s.acts++
	s.Key(name, code, "")
}

// read evaluates a script whose value is JSON.
func (s *student) read(script string, into any) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.Eval("JSON.stringify("+script+")")), into); err != nil {
		s.t.Fatalf("%s: %v", script, err)
	}
}

// curve reads points of a curve of losses as it is drawn, by the ticks of the axes.
func (s *student) curve(class string, i int) (points [][2]float64) {
	s.t.Helper()
	s.Await("document.querySelector('#view-losses [aria-label=Curves]').getAttribute('aria-busy')", "false")
	s.read(fmt.Sprintf(`(() => {
		const svg = document.querySelector("#view-losses .graph"), texts = [...svg.querySelectorAll("text.axis")].map((t) => ({ v: Number(t.textContent), x: Number(t.getAttribute("x")), y: Number(t.getAttribute("y")), end: t.getAttribute("text-anchor") === "end" }));
		const xs = texts.filter((t) => !t.end && t.y === 316), ys = texts.filter((t) => t.end);
		const by = (a, b, key, shift) => (p) => a.v + (p - a[key] + shift) / (b[key] - a[key]) * (b.v - a.v);
		const x = by(xs[0], xs.at(-1), "x", 0), y = by(ys[0], ys.at(-1), "y", 4);
		return [...svg.querySelectorAll("path.%s")][%d].getAttribute("d").slice(1).split(/[LM]/).map((p) => p.split(" ").map(Number)).map(([px, py]) => [x(px), y(py)]);
	})()`, class, i), &points)
	if len(points) < 50 {
		s.t.Fatalf("the curve has %d points", len(points))
	}
	return points
}

// near compares a curve that is drawn, whose pixels have a digit behind the point, with a function.
func (s *student) near(points [][2]float64, of func(x float64) float64) {
	s.t.Helper()
	for _, p := range points {
		if want := of(p[0]); math.Abs(p[1]-want) > 0.01 {
			s.t.Errorf("%s: drawn at %.3f is %.4f, want %.4f", s.doing, p[0], p[1], want)
			return
		}
	}
}

func newStudent(t *testing.T) *student {
	t.Helper()
	at := start(t, t.TempDir())
	return &student{Browser: chromium.Open(t, "about:blank"), t: t, at: at}
}

// TestStudentLosses: someone who knows the lecture finds its figures of losses, and sees in them what the formulas say.
func TestStudentLosses(t *testing.T) {
	t.Parallel()
	s := newStudent(t)
	defer checkQuiet(t, s.Browser, s.at)
	const verdict, title = "document.querySelector('#view-losses .verdict')?.textContent", "document.querySelector('#view-losses .area h2')?.textContent"

	s.begins("Figure 1")
	s.click(link("Losses"))
	s.click(link("Figure 1"))
	s.Await(verdict+".includes(': active')", "true")
	s.triplet()
	x, y := s.Where("document.querySelector('.geometry')", 0.05, 0.95)
	s.drag("document.querySelector('[data-point=negative] circle:nth-of-type(2)')", x, y)
	s.Await(verdict, "loss 0: not active, nothing is moved")
	s.triplet()
	for range 2 {
		s.key("ArrowUp", 38)
	}
	s.Await("document.querySelector('[data-point=negative]').getAttribute('aria-label').includes(', -2.6')", "true")
	s.triplet()
	s.picture("hour-1")
	looks[0].set(s.Browser)
	s.triplet() // another theme does not move points
	if !strings.HasPrefix(s.Eval(verdict), "loss 0:") {
		t.Errorf("in another theme: %s", s.Eval(verdict))
	}

	s.begins("Figure 2")
	s.click(link("Losses"))
	s.click(link("Figure 2"))
	s.frames()
	before := s.Eval(frameLoss)
	x, y = s.Where("document.querySelector('[data-cell=\"2,1\"]')", 0.5, 0.1)
	s.drag("document.querySelector('[data-cell=\"2,1\"]')", x, y)
	s.Await(frameLoss+" !== "+strconv.Quote(before), "true")
	s.frames()
	s.click("document.querySelector('#view-ctc .main')")
	s.Await("Number("+frameLoss+") < 0.05", "true")
	s.picture("hour-2")

	s.begins("Figure 3")
	s.click(link("Losses"))
	s.click(link("Figure 3"))
	s.frames()
	s.trellis()
	s.picture("hour-3")

	s.begins("Figure 4")
	s.click(link("Losses"))
	s.click(link("Figure 4"))
	s.Await(title, "ebm.hinge over both energies")
	s.near(s.curve("value", 0), func(x float64) float64 { return max(0, 1+x) })
	s.click("document.querySelector('#view-losses .card input[type=range]')")
	for range 3 {
		s.key("ArrowRight", 39)
	}
	s.Await("location.hash.includes('margin%3D')", "true")
	var margin float64
	s.read("Number(document.querySelector('#view-losses .card output').textContent)", &margin)
	if margin == 1 {
		t.Error("the slider has not moved")
	}
	s.Await(fmt.Sprintf("document.querySelector('#view-losses pre').textContent.includes('\"margin\":%g')", margin), "true")
	s.near(s.curve("value", 0), func(x float64) float64 { return max(0, margin+x) })
	s.picture("hour-4")

	s.begins("Figure 5")
	s.click(link("Losses"))
	s.click(link("Figure 5"))
	s.Await(title, "ebm.log over both energies")
	s.near(s.curve("value", 0), func(x float64) float64 { return math.Log1p(math.Exp(x)) })
	s.near(s.curve("slope", 0), func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })
	s.picture("hour-5")

	s.begins("Figure 6")
	s.click(link("Losses"))
	s.click(link("Figure 6"))
	s.Await("document.querySelectorAll('#view-losses .graph .value').length", "12")
	s.table()
	s.picture("hour-6")
	s.ends()
}

const frameLoss = "document.getElementById('view-ctc')?.dataset.loss"

// frames holds the loss of the text "cat" to the sum over all paths that spell it, by the probabilities of the frames as they are told.
func (s *student) frames() {
	s.t.Helper()
	s.Await("(document.querySelector('#view-ctc .verdict')?.textContent || '').includes('5,005 paths')", "true") // 15!/(6!·9!): three letters in twelve frames
	var names []string
	var now struct {
		Loss  float64
		Texts [][]string
	}
	s.read("[...document.querySelectorAll('#view-ctc [data-cell^=\"0,\"]')].map((e) => e.getAttribute('aria-label').split(' ')[0])", &names)
	s.read("({loss: Number("+frameLoss+"), texts: Array.from({length: 12}, (_, t) => [...document.querySelectorAll(`#view-ctc [data-cell^=\"${t},\"]`)].map((e) => e.getAttribute('aria-valuetext')))})", &now)
	p := make([][]float64, len(now.Texts))
	for t, row := range now.Texts {
		for _, text := range row {
			v, err := strconv.ParseFloat(strings.TrimSuffix(text, " %"), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			p[t] = append(p[t], v/100)
		}
	}
	if want := spelled(p, slices.Index(names, "c"), slices.Index(names, "a"), slices.Index(names, "t")); math.Abs(now.Loss-want) > 0.02*max(1, want) {
		s.t.Errorf("%s: the loss is %v; the sum over all paths gives %v", s.doing, now.Loss, want)
	}
}

// spelled is −ln of the probability of labels that differ, with the blank 0: the sum over all paths, by the state in which each is.
func spelled(p [][]float64, labels ...int) float64 {
	states := []int{0}
	for _, l := range labels {
		states = append(states, l, 0)
	}
	sums := make([]float64, len(states))
	sums[0], sums[1] = p[0][0], p[0][labels[0]]
	for _, row := range p[1:] {
		for k := len(states) - 1; k >= 0; k-- {
			if k > 0 {
				sums[k] += sums[k-1]
			}
			if k > 1 && k%2 == 1 { // from label to label
				sums[k] += sums[k-2]
			}
			sums[k] *= row[states[k]]
		}
	}
	return -math.Log(sums[len(sums)-1] + sums[len(sums)-2])
}

// trellis looks at the best path, which spells the text, and at the shares of the states, which are 1 in each frame.
func (s *student) trellis() {
	s.t.Helper()
	var path []string
	s.read("[...document.querySelectorAll('#view-ctc [role=img]')].map((e) => e.getAttribute('aria-label')).find((l) => l?.startsWith('Trellis of cat: ')).split(' is ')[1].split(', ')", &path)
	text := ""
	for t, c := range path {
		if c != "blank" && (t == 0 || c != path[t-1]) {
			text += c
		}
	}
	if len(path) != 12 || text != "cat" {
		s.t.Errorf("the best path is %v", path)
	}
	var shares []string
	s.read("[...document.querySelectorAll('#view-ctc circle[data-tip]')].map((e) => e.dataset.tip)", &shares)
	sums := map[string]float64{}
	for _, tip := range shares { // state 1 of 7, blank; frame 1: 50 % of the paths
		frame, share, ok := strings.Cut(tip[strings.Index(tip, "frame "):], ": ")
		v, err := strconv.ParseFloat(strings.TrimSuffix(share, " % of the paths"), 64)
		if !ok || err != nil {
			s.t.Fatalf("%q: %v", tip, err)
		}
		sums[frame] += v
	}
	if len(shares) != 12*7 || len(sums) != 12 {
		s.t.Errorf("there are %d states in %d frames", len(shares), len(sums))
	}
	for frame, sum := range sums {
		if math.Abs(sum-100) > 0.5 {
			s.t.Errorf("%s: the states have %v %% of the paths", frame, sum)
		}
	}
}

// triplet holds what the geometry says of its loss to the library.
func (s *student) triplet() {
	s.t.Helper()
	s.Await("document.querySelectorAll('#view-losses .point').length", "3")
	var now struct {
		Said  string
		Names []string
	}
	s.read("({said: document.querySelector('#view-losses .verdict').textContent, names: [...document.querySelectorAll('#view-losses .point')].map((p) => p.getAttribute('aria-label'))})", &now)
	var at [3][2]float32
	for i, name := range now.Names {
		if _, err := fmt.Sscanf(name[strings.Index(name, " at "):], " at %g, %g", &at[i][0], &at[i][1]); err != nil {
			s.t.Fatalf("%q: %v", name, err)
		}
	}
	l := loss.NewTripletMargin[float32]()
	want, err := l.Eval(at[0][:], at[1][:], at[2][:], 2, nil, nil, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	var got float64
	if _, err := fmt.Sscanf(now.Said, "loss %g:", &got); err != nil || math.Abs(got-want) > 1e-3*max(1, want) {
		s.t.Errorf("%q at %v, want %v (%v)", now.Said, at, want, err)
	}
}

// table holds Figure 6 to the tutorial's table, as the mission corrects it, and the curves of all to the library.
func (s *student) table() {
	s.t.Helper()
	var rows []struct{ Name, Margin, Good string }
	s.read("[...document.querySelectorAll('.overview tbody tr')].map((r) => ({name: r.dataset.loss, margin: r.cells[2].textContent, good: r.cells[3].textContent}))", &rows)
	margins := map[string]string{
		"ebm.energy": "none", "ebm.perceptron": "0", "ebm.hinge": "m", "ebm.log": "> 0", "ebm.lvq2": "0", "ebm.mce": "> 0", "ebm.square_square": "m", "ebm.square_exp": "> 0",
		"ebm.nll": "> 0", "ebm.mee": "> 0", "ebm.margin_cost": "C", "ebm.margin_cost_max": "C", "ebm.square_square_misprint": "none",
	}
	for _, r := range rows {
		if want, ok := margins[r.Name]; !ok || r.Margin != want || (r.Good == "yes") == (want == "none" || want == "0") {
			s.t.Errorf("%+v, want the margin %q", r, want)
		}
		delete(margins, r.Name)
	}
	if len(margins) > 0 {
		s.t.Errorf("the table is without %v", margins)
	}
	var drawn []string
	s.read("[...document.querySelectorAll('#view-losses .legend li:not(.quiet)')].map((e) => e.textContent)", &drawn)
	for i, name := range drawn {
		g, err := catalogue.DifferenceOf(name, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		c := g.Curves[0]
		s.near(s.curve("value", i), func(x float64) float64 {
			k := (x - c.X[0]) / (c.X[len(c.X)-1] - c.X[0]) * float64(len(c.X)-1)
			j := min(max(int(k), 0), len(c.X)-2)
			return c.Value[j] + (k-float64(j))*(c.Value[j+1]-c.Value[j])
		})
	}
}

// energies reads a pane's surface where the pointer hovers over it: at the right answers, and at others.
func (s *student) energies(pane int) (right, other []float64) {
	s.t.Helper()
	canvas := fmt.Sprintf("document.querySelectorAll('#view-lesson .plane canvas')[%d]", pane)
	var box struct{ Left, Top, Width, Height float64 }
	s.Eval(canvas + ".scrollIntoView({block: 'center', behavior: 'instant'})")
	s.Where(canvas, 0.5, 0.5)
	s.read("(({left, top, width, height}) => ({left, top, width, height}))("+canvas+".getBoundingClientRect())", &box)
	energyText := regexp.MustCompile(`E (\S+)$`)
	at := func(x, y float64) float64 {
		px, py := box.Left+42+(x+1)/2*(box.Width-50), box.Top+8+(lesson.AnswersTo-y)/(lesson.AnswersTo-lesson.AnswersFrom)*(box.Height-42)
		s.Mouse("mouseMoved", px, py)
		m := energyText.FindStringSubmatch(s.Eval("document.getElementById('tip')?.textContent || ''"))
		if m == nil {
			s.t.Fatalf("the tip at %v, %v is %q", x, y, s.Eval("document.getElementById('tip')?.textContent"))
		}
		e, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		return e
	}
	for _, x := range []float64{-0.9, -0.5, 0, 0.5, 0.9} {
		right = append(right, at(x, x*x))
		for _, y := range []float64{-0.4, 1.4} {
			other = append(other, at(x, y))
		}
	}
	return right, other
}

// trains waits until a lesson has trained some more steps.
func (s *student) trains(more int) {
	s.t.Helper()
	const step = "Number(/step ([0-9,]+)/.exec(document.querySelector('#view-lesson .figures')?.textContent || '')?.[1].replaceAll(',', '') || 0)"
	var now int
	s.read(step, &now)
	script := fmt.Sprintf("%s >= %d", step, now+more)
	for range 100 {
		if got, _ := s.Value(script); got == "true" {
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
	s.Await(script, "true")
}

const collapsed = "document.querySelector('#view-lesson .verdict')?.classList.contains('bad')"

// TestStudentCollapse: the collapse of two branches is seen, told, and cured.
func TestStudentCollapse(t *testing.T) {
	t.Parallel()
	s := newStudent(t)
	defer checkQuiet(t, s.Browser, s.at)

	s.begins("one branch is safe with the energy loss")
	s.click(link("Train here"))
	s.click(link("Figure 6: energy loss, one branch"))
	s.trains(400)
	s.click(link("Pause"))
	right, other := s.energies(0)
	if least(other) < greatest(right)+0.2 {
		t.Errorf("right answers have %v, others %v", right, other)
	}

	s.begins("the collapse of two branches and its cure")
	s.click(link("Train here"))
	s.click(link("Figure 6: energy loss, two branches"))
	s.Await(collapsed, "true")
	s.click(link("Pause"))
	right, other = s.energies(0)
	flat := greatest(append(right, other...)) - least(append(right, other...))
	t.Log(s.Eval("document.querySelector('#view-lesson .verdict').textContent"))
	s.picture("hour-collapse")
	s.click(link("The cure: negative"))
	s.trains(800)
	s.click(link("Pause"))
	right, other = s.energies(0)
	for i, e := range right {
		if gap := min(other[2*i], other[2*i+1]) - e; gap < 0.5 || gap < 2*flat {
			t.Errorf("cured: the right answer has %v, others %v; the range of the collapsed surface was %v", e, other[2*i:2*i+2], flat)
		}
	}
	s.Await(collapsed, "false")
	s.picture("hour-cure")
	s.ends()
}

func least(values []float64) float64 {
	v := values[0]
	for _, w := range values {
		v = min(v, w)
	}
	return v
}

func greatest(values []float64) float64 {
	v := values[0]
	for _, w := range values {
		v = max(v, w)
	}
	return v
}
