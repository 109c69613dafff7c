package studio

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/catalogue"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/chromium"
	"github.com/energo-ml/energo/loss"
)

const lossesAt = "/v1/studio/losses"

// TestLossesDrawn: every loss is listed and drawn, and takes each of its options at the ends of its slider and as each of its choices.
func TestLossesDrawn(t *testing.T) {
	at := start(t, t.TempDir())
	var list struct{ Losses []listedLoss }
	if err := json.Unmarshal([]byte(want(t, at, "GET", lossesAt, "", 200, `"ebm.hinge"`, `"huber"`)), &list); err != nil {
		t.Fatal(err)
	}
	if n := len(loss.Catalogue()) + len(functional.Catalogue()); len(list.Losses) != n {
		t.Errorf("%d losses, want %d", len(list.Losses), n)
	}
	draws := func(path string) {
		if status, text := ask(t, "GET", at+lossesAt+"/"+path, ""); status != 200 {
			t.Errorf("%s: %d %.300s", path, status, text)
		}
	}
	for _, l := range list.Losses {
		draws(l.Name + "/curves")
		if l.Functional {
			draws(l.Name + "/curves?along=difference")
			draws(l.Name + "/plane")
		}
		for _, o := range l.Options {
			for _, option := range o.tried(t) {
				switch {
				case strings.Contains(o.Is, "; only where distance is"):
					option += "&option=distance=lp"
				case strings.Contains(o.Is, "; only where mine"):
					option += "&option=mine=true"
				}
				draws(l.Name + "/curves?option=" + option)
			}
		}
	}
}

// listedLoss and listedOption are what the list says that is drawn.
type listedLoss struct {
	Name       string
	Functional bool
	Options    []listedOption
}

type listedOption struct {
	Name, Is, Kind  string
	Choices         []string
	Min, Max, Start float64
}

// tried are the values of an option that its control has, as parameters.
func (o listedOption) tried(t *testing.T) (all []string) {
	t.Helper()
	values := o.Choices
	switch o.Kind {
	case "number":
		values = []string{strconv.FormatFloat(o.Min, 'g', -1, 64), strconv.FormatFloat(o.Max, 'g', -1, 64)}
		if !(o.Min < o.Max && o.Start >= o.Min && o.Start <= o.Max) {
			t.Errorf("%s from %v to %v starts at %v", o.Name, o.Min, o.Max, o.Start)
		}
	case "boolean":
		values = []string{"true", "false"}
	}
	if len(values) < 2 {
		t.Errorf("%s has the values %v", o.Name, values)
	}
	for _, v := range values {
		all = append(all, url.QueryEscape(o.Name+"="+v))
	}
	return all
}

// TestLossCurves: curves, planes and points are the library's.
func TestLossCurves(t *testing.T) {
	at := start(t, t.TempDir())
	var g struct {
		Curves      []struct{ X, Value, Slope []float64 }
		Marks       []struct{ At float64 }
		Request, Go string
	}
	if err := json.Unmarshal([]byte(want(t, at, "GET", lossesAt+"/huber/curves?option=delta%3D2", "", 200)), &g); err != nil || len(g.Curves) != 1 {
		t.Fatalf("%v, %+v", err, g)
	}
	l := loss.Huber[float64]{Delta: 2}
	for i, x := range g.Curves[0].X {
		slope := make([]float64, 1)
		v, err := l.Eval([]float64{x}, []float64{0}, slope, nil)
		if err != nil || math.Abs(v-g.Curves[0].Value[i]) > 1e-6 || math.Abs(slope[0]-g.Curves[0].Slope[i]) > 1e-6 {
			t.Fatalf("at %v: %v, %v; want %v, %v, %v", x, g.Curves[0].Value[i], g.Curves[0].Slope[i], v, slope, err)
		}
	}
	if answer := string(catalogue.Answer(nil, []byte(g.Request))); !strings.Contains(answer, `"loss":{`) || !strings.Contains(g.Request, `"delta":2`) || !strings.Contains(g.Go, `"delta": float64(2)`) {
		t.Errorf("%s is answered by %s; %s", g.Request, answer, g.Go)
	}
	if err := json.Unmarshal([]byte(want(t, at, "GET", lossesAt+"/ebm.hinge/curves?option=margin%3D2&along=difference", "", 200, "functional.New", "o.Margin = float64(2)")), &g); err != nil || len(g.Marks) != 2 || g.Marks[1].At != -2 {
		t.Errorf("%v, %+v", err, g.Marks)
	}

	var p struct {
		Energies              []float64
		Value, Correct, Other string
		Lines                 []struct{ Slope, At float64 }
	}
	if err := json.Unmarshal([]byte(want(t, at, "GET", lossesAt+"/ebm.square_square/plane?option=margin%3D2", "", 200)), &p); err != nil || len(p.Energies) < 10 || len(p.Lines) != 2 || p.Lines[1].At != 2 {
		t.Fatalf("%v, %+v", err, p)
	}
	value, correct, other := unpacked(t, p.Value), unpacked(t, p.Correct), unpacked(t, p.Other)
	for i, e := range p.Energies {
		for j, f := range p.Energies {
			k, below := i*len(p.Energies)+j, max(0, 2-f)
			if math.Abs(value[k]-(e*e+below*below)) > 1e-5 || math.Abs(correct[k]-2*e) > 1e-5 || math.Abs(other[k]+2*below) > 1e-5 {
				t.Fatalf("at %v, %v: %v, %v, %v", e, f, value[k], correct[k], other[k])
			}
		}
	}

	var q struct {
		Loss   float64
		Active bool
		Points []struct{ Gradient []float64 }
	}
	if err := json.Unmarshal([]byte(want(t, at, "GET", lossesAt+"/triplet/points?at=0,0&at=3,0&at=0,1", "", 200, "the margin beyond it")), &q); err != nil || !q.Active || math.Abs(q.Loss-3) > 1e-5 || len(q.Points) != 3 || math.Abs(q.Points[1].Gradient[0]-1) > 1e-5 {
		t.Errorf("%v, %+v", err, q)
	}
	if err := json.Unmarshal([]byte(want(t, at, "GET", lossesAt+"/triplet/points?at=0,0&at=1,0&at=0,3", "", 200, `"active":false`)), &q); err != nil || q.Loss != 0 {
		t.Errorf("%v, %+v", err, q)
	}
}

func unpacked(t *testing.T, text string) (all []float64) {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for c := range slices.Chunk(b, 4) {
		all = append(all, float64(math.Float32frombits(binary.LittleEndian.Uint32(c))))
	}
	return all
}

// TestLossRefusals: what is wrong is said.
func TestLossRefusals(t *testing.T) {
	at := start(t, t.TempDir())
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"hubr/curves", 404, "there is no loss"},
		{"huber/curves?option=delta", 400, "NAME=VALUE"},
		{"huber/curves?option=delta=1&option=delta=2", 400, "delta"},
		{"huber/curves?option=delta=-1", 422, "delta is -1"},
		{"huber/curves?option=delta=wide", 422, "delta"},
		{"huber/curves?option=beta=1", 422, "no option"},
		{"huber/curves?opt=1", 400, "opt"},
		{"huber/curves?along=difference", 422, "not of two energies"},
		{"ebm.hinge/curves?along=x", 422, "own or difference"},
		{"ebm.hinge/plane?option=margin=-1", 422, "margin is -1"},
		{"huber/plane", 422, "not of two energies"},
		{"huber/points", 422, "anchor"},
		{"triplet/points?at=0,0", 422, "3 points"},
		{"triplet/points?at=0,0&at=1&at=2,2", 400, "X,Y"},
		{"triplet/points?at=0,0&at=NaN,0&at=2,2", 400, "X,Y"},
		{"triplet/points?at=0,0&at=1,0&at=2,2&option=reduction=many", 422, "reduction"},
	} {
		want(t, at, "GET", lossesAt+"/"+c.path, "", c.status, c.want)
	}
}

// TestLossesView: the lecture's figures, options that are slid, a triplet that is dragged and moved by keys, and what is copied.
func TestLossesView(t *testing.T) {
	t.Parallel()
	at := start(t, t.TempDir())
	b := chromium.Open(t, at+"/#/losses")
	const (
		curves = "document.querySelectorAll('#view-losses .graph .value').length"
		title  = "document.querySelector('#view-losses .area h2')?.textContent"
		said   = "document.querySelector('#view-losses .verdict')?.textContent || ''"
		press  = "[...document.querySelectorAll('#view-losses button, #view-losses .scenes a')].find(b => b.textContent.startsWith('%s')).click()"
	)
	b.Await(curves, "1")
	b.Await(title, "ebm.hinge over both energies")
	b.Eval("document.querySelector('#view-losses details').open = true")
	b.Await("document.querySelector('#view-losses pre').textContent.startsWith('{\"loss\":\"ebm.hinge\"')", "true")
	shots(t, b, "losses-hinge")

	// An option that is slid is in the address, the mark and the request.
	b.Eval("(() => { const s = document.querySelector('#view-losses input[type=range]'); s.value = 2; s.dispatchEvent(new Event('input')) })()")
	b.Await("location.hash.includes('margin%3D2')", "true")
	b.Await("document.querySelector('#view-losses pre').textContent.includes('\"margin\":2')", "true")
	b.Eval(fmt.Sprintf(press, "Figure 5"))
	b.Await(title, "ebm.log over both energies")
	b.Eval(fmt.Sprintf(press, "Figure 6"))
	b.Await(curves, "12")
	b.Shot("losses-all")
	b.Eval(fmt.Sprintf(press, "Square-square"))
	b.Await(title, "ebm.square_square over both energies")
	b.Eval("document.querySelectorAll('#view-losses .card')[1].querySelector('button').click()")
	b.Await(title, "ebm.square_square_misprint over both energies")

	// Others are added and taken away; an option that is refused says so on its card.
	b.Eval("(() => { const s = document.querySelector('#view-losses select'); s.value = 'huber'; s.dispatchEvent(new Event('change')) })()")
	b.Await(curves, "3")
	b.Eval("document.querySelector('#view-losses [data-loss=huber] [aria-label^=Take]').click()")
	b.Await(curves, "2")
	b.Eval("location.hash = '#/losses?l=huber;delta%3D-1'")
	b.Await("document.querySelector('#view-losses .wrong').textContent.includes('delta is -1')", "true")
	for _, e := range b.Errors {
		if !strings.Contains(e, "delta%3D-1") { // the browser tells of the status, too
			t.Error(e)
		}
	}
	b.Errors = nil

	// The triplet: dragged out of the margin it is left alone.
	b.Eval(fmt.Sprintf(press, "Figure 1"))
	b.Await("("+said+").includes(': active, the points')", "true")
	shots(t, b, "losses-triplet")
	b.Eval(`(() => {
		const p = document.querySelector('[data-point=negative]'), svg = p.ownerSVGElement, r = svg.getBoundingClientRect();
		svg.setPointerCapture = () => {};
		p.dispatchEvent(new PointerEvent('pointerdown', {bubbles: true, pointerId: 1}));
		svg.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: r.left + 2, clientY: r.top + r.height - 2}));
		svg.dispatchEvent(new PointerEvent('pointerup', {bubbles: true}));
	})()`)
	b.Await("("+said+")", "loss 0: not active, nothing is moved")
	b.Await("location.hash.includes('at=')", "true")
	for range 2 {
		b.Eval("document.querySelector('[data-point=negative]').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', shiftKey: true}))")
	}
	b.Await("document.querySelector('[data-point=negative]').getAttribute('aria-label').startsWith('negative at -2.4')", "true")
	b.Eval(fmt.Sprintf(press, "InfoNCE"))
	b.Await(title, "NTXent: what it does to points")
	b.Await("document.querySelectorAll('#view-losses .geometry polygon').length", "3")
	b.Shot("losses-infonce")
	b.Eval(fmt.Sprintf(press, "Defaults"))
	b.Await("location.hash.includes('temperature')", "false")
	b.Eval(fmt.Sprintf(press, "N-pair"))
	b.Await("document.querySelectorAll('#view-losses .point').length", "4")
	b.Eval(fmt.Sprintf(press, "Contrastive"))
	b.Await("document.querySelectorAll('#view-losses .geometry circle.near').length", "1")
	checkQuiet(t, b, at)
}
