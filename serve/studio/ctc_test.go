package studio

import (
	"testing"

	"github.com/energo-ml/energo/internal/chromium"
)

// TestCTCAnswers: the answers are as the description has them.
func TestCTCAnswers(t *testing.T) {
	at := start(t, t.TempDir())
	want(t, at, "POST", "/v1/studio/ctc", `{"classes":["-","a"],"scores":[[0.4055,0],[0.4055,0]],"text":"a","width":8}`, 200, `"loss":0.446`, `"paths":3,`, `"greedy":{"text":"","probability":0.36`, `"texts":[{"text":"a","probability":0.6`)
	want(t, at, "POST", "/v1/studio/ctc", `{"classes":["-","a"],"scores":[[0,0]],"text":"aa"}`, 200, `"loss":null`, `"path":[]`)
	want(t, at, "POST", "/v1/studio/ctc", `{"classes":["-","a"],"scores":[[0,0]],"text":"b"}`, 422, `is not one of the letters a`)
	want(t, at, "POST", "/v1/studio/ctc", `{"scores":0}`, 400, "scores")
}

// ctcLoss is the loss that the view shows.
const ctcLoss = "Number(document.getElementById('view-ctc')?.dataset.loss || NaN)"

// testCTC draws frames by hand and by keys, trains them, and follows texts, in a page that is open.
func testCTC(t *testing.T, b *chromium.Browser) {
	t.Helper()
	b.Eval("location.hash = '#/ctc?l=a&w=a&x=2020'")
	b.Await("document.querySelectorAll('#view-ctc .frame').length", "4")
	b.Await("document.querySelector('#view-ctc .greedy').textContent.includes('(nothing), 38.7 %, which is not the likeliest text')", "true")
	b.Await("document.querySelector('#view-ctc .texts button[aria-pressed=true]').textContent", "a")
	// A bar is drawn high with the pointer, another by keys.
	before := b.Eval(ctcLoss)
	b.Eval(`(() => { const g = document.querySelector('[data-cell="0,1"] .cell'), r = g.getBoundingClientRect(), svg = g.ownerSVGElement;
		svg.setPointerCapture = () => {};
		for (const kind of ['pointerdown', 'pointerup']) svg.dispatchEvent(new PointerEvent(kind, {clientX: r.left + r.width / 2, clientY: r.top + 4, bubbles: true})); })()`)
	b.Await("document.querySelector('[data-cell=\"0,1\"]').getAttribute('aria-valuenow') > 85", "true")
	b.Await(ctcLoss+" < "+before, "true")
	b.Eval("document.querySelector('[data-cell=\"0,1\"]').focus()")
	b.Key("ArrowRight", 39, "")
	b.Await("document.activeElement.dataset.cell", "1,1")
	b.Key("ArrowUp", 38, "")
	b.Await("document.activeElement.getAttribute('aria-valuenow') > 40", "true")
	b.Await("document.activeElement.dataset.cell", "1,1")
	// Training lowers the loss of a word from equal scores.
	b.Eval("[...document.querySelectorAll('#view-ctc .scenes a')].at(-1).click()")
	b.Await("document.querySelectorAll('#view-ctc .frame').length", "64")
	b.Eval("document.querySelector('#view-ctc .main').click()")
	b.Await(ctcLoss+" < 1", "true")
	b.Eval("document.querySelector('#view-ctc .main').click()")
	b.Await("document.querySelector('#view-ctc .texts button').textContent", "cat")
	b.Await("location.hash.includes('w=cat')", "true")
	// A text that no path spells.
	b.Eval("[...document.querySelectorAll('#view-ctc .scenes a')][3].click()")
	b.Await("document.querySelector('#view-ctc .verdict').textContent.startsWith('No path through 2 frames spells “aa”')", "true")
	b.Eval("[...document.querySelectorAll('#view-ctc .scenes a')][0].click()")
	b.Await("document.querySelectorAll('#view-ctc .frame').length", "48")
}

// TestCTCView: the view of CTC, asked of a server.
func TestCTCView(t *testing.T) {
	t.Parallel()
	at := start(t, t.TempDir())
	b := chromium.Open(t, at+"/#/ctc")
	testCTC(t, b)
	shots(t, b, "ctc")
	checkQuiet(t, b, at)
}
