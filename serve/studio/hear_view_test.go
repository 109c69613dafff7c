package studio

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/internal/chromium"
)

// What tests of the view look at.
const (
	hearResult  = "document.querySelector('.result').textContent"
	hearTexts   = "[...document.querySelectorAll('#view-hear tbody tr')].map(r => r.dataset.text).join('|')"
	hearCursor  = "document.querySelector('.chart canvas').getAttribute('aria-valuetext')"
	hearDrawn   = "document.querySelector('.energies').textContent.includes('Minimum')"
	recordState = "document.querySelector('.source .main')?.textContent"
)

// dropFile drops a file on the view.
func dropFile(b *chromium.Browser, name string, file []byte) {
	b.Eval(fmt.Sprintf(`(() => {
		const bytes = Uint8Array.from(atob(%q), (c) => c.charCodeAt(0)), held = new DataTransfer();
		held.items.add(new File([bytes], %q));
		document.querySelector('.source').dispatchEvent(new DragEvent('drop', {dataTransfer: held, bubbles: true, cancelable: true}));
	})()`, base64.StdEncoding.EncodeToString(file), name))
}

// TestHearView: the microphone is heard, words are played, other texts aligned, the trellis is read by keys, and all is there again after a reload.
func TestHearView(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeSpeech(t, dir, "speech-1")
	writeSpeech(t, dir, "sweep/speech-2")
	at := start(t, dir)
	voice := filepath.Join(t.TempDir(), "voice.wav")
	if err := os.WriteFile(voice, saying(t, "i", "o", "o"), 0o666); err != nil {
		t.Fatal(err)
	}
	b := chromium.Open(t, at+"/#/hear", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--use-file-for-fake-audio-capture="+voice)
	b.Await(recordState, "Record")
	b.Shot("hear-empty")
	b.Click("document.querySelector('.source .main')")
	b.Await(recordState, "Stop")
	b.Await("parseFloat(document.querySelector('.source .row > .quiet').textContent) > 1.6", "true")
	b.Shot("hear-record")
	b.Click("document.querySelector('.source .main')")
	b.Await(recordState, "Record")
	b.Await("/[io] [io]/.test("+hearResult+")", "true")
	b.Await("/heard=\\w+/.test(location.hash)", "true")

	// A file that is dropped takes the recording's place.
	recorded := b.Eval("location.hash")
	dropFile(b, "i o o.wav", saying(t, "i", "o", "o"))
	b.Await(fmt.Sprintf("location.hash !== %q", recorded), "true")
	b.Await(hearResult, "It hears “i o o”")
	testHearSound(t, b)
	testHearTexts(t, b)
	testHearTrellis(t, b)
	shots(t, b, "hear")
	checkKeys(t, b)

	// Another recogniser reads the same, and a reload shows what it read.
	b.Eval("(() => { const s = document.querySelector('.source select'); s.value = 'sweep/speech-2'; s.dispatchEvent(new Event('change')) })()")
	b.Await("location.hash.includes('model=sweep%2Fspeech-2')", "true")
	b.Await(hearTexts, "i o o|o i")
	b.Await("document.querySelector('#status').textContent", "")
	b.Eval("location.reload()")
	b.Await(hearResult, "It hears “i o o”")
	b.Await(hearTexts, "i o o|o i")
	b.Await("document.querySelector('.source select').value", "sweep/speech-2")
	checkQuiet(t, b, at)

	// What is kept no more is said.
	b.Eval("location.hash = '#/hear?model=speech-1&heard=none'")
	b.Await(status, "What was read is not kept any more; send it again.")
	b.Await("document.querySelector('.lead').hidden", "false")
}

// testHearSound plays a word by a click in the table, and moves the cursor by keys.
func testHearSound(t *testing.T, b *chromium.Browser) {
	t.Helper()
	b.Await("document.querySelectorAll('.word').length", "3")
	b.Click("document.querySelectorAll('.word')[2]")
	b.Await("parseFloat("+hearCursor+") > 1.9", "true") // its end
	play := "document.querySelector('[aria-label=\"What was heard\"] .main').textContent"
	b.Await(play, "Play")
	b.Eval("document.querySelector('.chart canvas').focus()")
	b.Key("Home", 36, "")
	b.Await(hearCursor+".startsWith('0.00 s')", "true")
	b.Eval("document.querySelector('.chart canvas').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', shiftKey: true}))")
	b.Await("/^0\\.[45]\\d s · i/.test("+hearCursor+")", "true")
	b.Key(" ", 32, " ")
	b.Await(play, "Stop")
	b.Await("parseFloat("+hearCursor+") > 1.2", "true")
	b.Key(" ", 32, " ")
	b.Await(play, "Play")
	b.Key("+", 187, "+")
	b.Await("/from=[\\d.]+&to=[\\d.]+/.test(location.hash)", "true")
	b.Key("0", 48, "0")
	b.Await("location.hash.includes('from=')", "false")
}

// testHearTexts aligns texts beside.
func testHearTexts(t *testing.T, b *chromium.Browser) {
	t.Helper()
	add := func(text string) {
		b.Eval(fmt.Sprintf("(() => { const f = document.querySelector('.another'); f.querySelector('input').value = %q; f.requestSubmit() })()", text))
	}
	add("o i")
	b.Await(hearTexts, "i o o|o i")
	b.Await("Number(document.querySelectorAll('#view-hear tbody tr')[1].children[4].textContent) > 1", "true")
	b.Await("document.querySelectorAll('#view-hear tbody input')[1].checked", "true")
	add("xyz")
	b.Await("document.querySelector('.wrong')?.textContent.startsWith('text has \"x\" in \"xyz\"')", "true")
	b.Errors = nil // of the status 422
	b.Click("document.querySelector('[aria-label=\"Take xyz away\"]')")
	b.Await(hearTexts, "i o o|o i")
}

// testHearTrellis looks at the trellis of what was read by keys, and at another β.
func testHearTrellis(t *testing.T, b *chromium.Browser) {
	t.Helper()
	b.Click("document.querySelector('#view-hear tbody input')")
	b.Await(hearDrawn, "true")
	b.Await("document.querySelector('.told').textContent.startsWith('Shades are')", "true")
	b.Eval("document.querySelectorAll('.chart')[1].firstChild.focus()")
	b.Key("ArrowRight", 39, "")
	b.Await("/^state 1 of 15: blank; frame 0 of \\d+; occupancy [\\d.]+ %/.test(document.querySelector('.told').textContent)", "true")
	b.Key("ArrowDown", 40, "")
	b.Await("/^state 2 of 15: label 1, space; frame 0/.test(document.querySelector('.told').textContent)", "true")
	b.Eval("(() => { const s = document.querySelector('[aria-label=Trellis] input'); s.value = Math.log(2); s.dispatchEvent(new Event('input')) })()")
	b.Await("document.querySelector('.energies').textContent.includes('at β = 2')", "true")
	b.Eval("(() => { const s = document.querySelector('[aria-label=Shade]'); s.value = 'emission'; s.dispatchEvent(new Event('change')) })()")
	b.Await("location.hash.includes('beta=2') && location.hash.includes('by=emission')", "true")
	b.Eval("history.go(-1)")
	b.Await("location.hash.includes('by=emission')", "false")
}

// TestReadView: a folder without recognisers says how to come by one. With one, a strip is written by hand, and read again when a stroke is taken back; a picture is dropped.
func TestReadView(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeStrips(t, dir, "strips-1", 1)
	at := start(t, dir)
	nowhere := start(t, t.TempDir())
	b := chromium.Open(t, nowhere+"/#/hear")
	b.Await("document.querySelector('#view-hear .panel')?.textContent.startsWith('No run of this folder reads speech or handwriting yet.')", "true")
	checkAccess(t, b)
	checkQuiet(t, b, nowhere)
	b.Call("Page.navigate", map[string]any{"url": at + "/#/hear"}, nil)
	b.Await("document.querySelector('.pad') !== null && !document.querySelector('.pad').hidden", "true")
	b.Shot("read-empty")
	var left, top, width, height float64
	place := func() {
		if _, err := fmt.Sscan(b.Eval("(() => { const r = document.querySelector('.pad').getBoundingClientRect(); return `${r.left} ${r.top} ${r.width} ${r.height}` })()"), &left, &top, &width, &height); err != nil {
			t.Fatal(err)
		}
	}
	place()
	stroke := func(places ...[2]float64) {
		for i, p := range places {
			kind := "mouseMoved"
			if i == 0 {
				kind = "mousePressed"
			}
			b.Mouse(kind, left+p[0]*height, top+p[1]*height)
		}
		last := places[len(places)-1]
		b.Mouse("mouseReleased", left+last[0]*height, top+last[1]*height)
	}
	stroke([2]float64{0.5, 0.2}, [2]float64{0.5, 0.8})
	stroke([2]float64{1, 0.2}, [2]float64{1.4, 0.2}, [2]float64{1.1, 0.8})
	b.Await("/^It reads/.test("+hearResult+") && !document.querySelector('.result').hidden", "true")
	b.Await(hearDrawn, "true")
	b.Await("document.querySelector('[aria-label=\"What was heard\"] .main').hidden", "true")
	heard := b.Eval("location.hash")
	b.Eval("document.querySelector('.source .small').click()")
	b.Await(fmt.Sprintf("/heard=/.test(location.hash) && location.hash !== %q", heard), "true")
	b.Eval("document.querySelector('.pad').dispatchEvent(new KeyboardEvent('keydown', {key: 'Delete'}))")
	b.Await("document.querySelector('.result').hidden", "true")
	dropFile(b, "strip.png", strip(t, 320, 64))
	b.Await(hearDrawn+" && !document.querySelector('.result').hidden", "true")
	b.Eval("location.hash += '&t=12+3'")
	b.Await("document.querySelectorAll('#view-hear tbody tr')[1]?.children[4].textContent !== ''", "true")
	shots(t, b, "read")
	checkQuiet(t, b, at)

	// A file that is no picture is told, and what was read stays.
	dropFile(b, "voice.wav", saying(t, "i"))
	b.Await("document.getElementById('error').textContent.includes('it must be a picture of a line')", "true")
	b.Await("document.querySelector('.result').hidden", "false")
}
