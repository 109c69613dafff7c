package studio

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/energo-ml/energo/internal/chromium"
)

const (
	drawnLabels = "[...document.querySelectorAll('.said .label')].map(e => e.textContent).join()"
	chainStep   = "Number((/step ([0-9,]+)/.exec(document.querySelector('.chains [role=status]').textContent) || [0, '0'])[1].replace(',', ''))"
	chainButton = "document.querySelector('.chains .main').textContent"
)

// testDrawView draws on the page, with buttons, a mouse and an eraser, and lets chains draw on.
func testDrawView(t *testing.T, at string) {
	t.Helper()
	b := chromium.Open(t, at+"/#/draw?run=tells&run=hinge&digit=2")
	b.Await(drawnLabels+".length", "3")
	b.Eval("document.querySelectorAll('.digits button')[7].click()")
	b.Await("location.hash.includes('digit=7')", "true")
	b.Await("document.querySelectorAll('.said .least').length >= 2 && "+drawnLabels+".length", "3")
	b.Await("[...document.querySelectorAll('.bars')].map(e => e.textContent.includes('%')).join()", "true,false")
	b.Await("[...document.querySelectorAll('.note')].map(e => e.hidden).join()", "true,false")
	shots(t, b, "draw")
	testStrokes(t, b)

	// Runs are chosen: one has an energy and no labels.
	b.Eval("[...document.querySelectorAll('.choices input')].find(e => e.value === 'rbm').click()")
	b.Await("document.querySelector('.said[data-run=rbm] .told')?.textContent.startsWith('energy')", "true")
	b.Eval("[...document.querySelectorAll('.choices input')].find(e => e.value === 'tells').click()")
	b.Await("[...document.querySelectorAll('.said')].map(e => e.dataset.run).join()", "hinge,rbm")
	testChains(t, b, at)
	checkQuiet(t, b, at)
}

// testStrokes draws with a mouse, erases, and takes it back.
func testStrokes(t *testing.T, b *chromium.Browser) {
	t.Helper()
	press := func(label string) {
		t.Helper()
		b.Eval(fmt.Sprintf("[...document.querySelectorAll('.tools button')].find(e => e.textContent === %q).click()", label))
	}
	const canvas = "document.querySelector('.board canvas')"
	const ink = canvas + ".getContext('2d').getImageData(0, 0, 280, 280).data.filter((v, i) => i % 4 === 0 && v > 127).length"
	press("Clear")
	b.Await(ink, "0")
	b.Await("document.querySelector('.said .told').textContent", "Nothing is drawn.")
	var box struct{ X, Y, Width float64 }
	b.Eval("scrollTo(0, 0)")
	if err := json.Unmarshal([]byte(b.Eval("JSON.stringify("+canvas+".getBoundingClientRect())")), &box); err != nil {
		t.Fatal(err)
	}
	stroke := func() {
		b.Mouse("mousePressed", box.X+0.2*box.Width, box.Y+0.5*box.Width)
		b.Mouse("mouseMoved", box.X+0.8*box.Width, box.Y+0.5*box.Width)
		b.Mouse("mouseReleased", box.X+0.8*box.Width, box.Y+0.5*box.Width)
	}
	stroke()
	b.Await(ink+" > 2000", "true")
	b.Await("document.querySelector('.said .told').textContent.startsWith('gap')", "true")
	b.Await("location.hash.includes('digit')", "false")
	drawn := b.Eval(ink)
	press("Eraser")
	stroke()
	b.Await(ink, "0")
	press("Undo")
	b.Await(ink, drawn)
	press("Brush")
	b.Eval(canvas + ".focus()")
	b.Key("Delete", 46, "")
	b.Await(ink, "0")

	// A picture of the user's own, of ink on paper, is shown as its negative.
	b.Eval(`(async () => {
		const c = document.createElement("canvas"), d = c.getContext("2d");
		c.width = c.height = 100;
		d.fillStyle = "#fff";
		d.fillRect(0, 0, 100, 100);
		d.fillStyle = "#000";
		d.fillRect(40, 20, 20, 60);
		const data = new DataTransfer();
		data.items.add(new File([await new Promise((f) => c.toBlob(f))], "a.png", {type: "image/png"}));
		document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
	})()`)
	b.Await("Math.abs("+ink+" - 56 * 168) < 500", "true")
}

// testChains lets chains draw on: started, paused, continued, changed, and ended by leaving the view.
func testChains(t *testing.T, b *chromium.Browser, at string) {
	t.Helper()
	b.Eval("location.hash = '#/draw?run=tells&digit=3&by=jem&from=noise&chains=4&steps=100000&every=1&seed=3'")
	b.Await("[...document.querySelectorAll('.chains select')].map(e => e.value).join()", "jem,noise,-1,4,1")
	b.Eval("document.querySelector('.chains .main').click()")
	b.Await(chainButton, "Pause")
	b.Await(chainStep+" > 5", "true")
	film := "[...document.querySelectorAll('.chains .saves button')].find(e => e.textContent === 'WebM')"
	b.Eval(film + ".click()")
	b.Await(film+".getAttribute('aria-pressed')", "true")
	b.Eval("location.hash = location.hash.replace('seed=3', 'seed=3&temper=0&step=2')")
	b.Eval(film + ".click()")
	b.Await(film+".getAttribute('aria-pressed')", "false")
	b.Eval("document.querySelector('.chains .main').click()")
	b.Await(chainButton, "Continue")
	stopped := b.Eval(chainStep)
	b.Eval("new Promise(r => setTimeout(r, 200))")
	if now := b.Eval(chainStep); now != stopped {
		t.Errorf("paused at step %s, then at %s", stopped, now)
	}
	b.Eval("document.querySelector('.chains .main').click()")
	b.Await(chainStep+" > "+stopped, "true")
	checkAccess(t, b)
	if *long {
		shots(t, b, "draw-chains")
	}
	id := b.Eval("document.querySelector('.stage').dataset.chains")
	b.Eval("[...document.querySelectorAll('.chains button')].find(e => e.textContent.startsWith('The lowest')).click()")
	b.Await("document.querySelector('.said .told').textContent.startsWith('gap')", "true")
	b.Await("location.hash.includes('digit')", "false")

	// A machine's sweeps have no step size, and no labels. They end by themselves.
	b.Eval("location.hash = '#/draw?run=tells&by=rbm&from=noise&chains=1&steps=20&every=5'")
	b.Await("[...document.querySelectorAll('.chains label')].filter(e => e.hidden).map(e => e.querySelector('span')?.textContent || e.firstChild.textContent).join()", "Energy,step, × training's")
	b.Eval("document.querySelector('.chains .main').click()")
	b.Await(chainStep+" + "+chainButton, "20Start")

	last := b.Eval("document.querySelector('.stage').dataset.chains")
	b.Eval("location.hash = '#/losses'")
	b.Await("document.querySelector('#view-draw')", "<nil>")
	for _, id := range []string{id, last} {
		status := 0
		for range 100 { // the page says so when it has gone
			if status, _ = ask(t, "POST", at+"/v1/studio/draw/chains/"+id, "{}"); status == 404 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if status != 404 {
			t.Errorf("the view was left; its chains %s answer with status %d", id, status)
		}
	}
}
