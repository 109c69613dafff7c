package search

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"io/fs"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/chromium"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
)

// browser is a tab with the page.
type browser struct {
	*chromium.Browser
	t *testing.T
}

// browse opens a page; the test is skipped where there is no Chromium.
func browse(t *testing.T, address string) browser {
	t.Helper()
	return browser{chromium.Open(t, address), t}
}

// coloured is an encoder of colour pictures.
type coloured struct{ quarters }

func (coloured) Channels() int { return 3 }

// album is an index of photographs: 130 cats, 10 dogs and 5 without a label, of two years.
func album(t *testing.T) testOptions {
	t.Helper()
	x, err := index.Create(t.TempDir(), index.Options{Dim: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	quarter := func(i int) []uint8 { return []uint8{uint8(i * 37), uint8(i * 91), uint8(i * 53), uint8(i * 11)} }
	var items []index.Item
	for i := range 145 {
		label := "cat"
		if i >= 140 {
			label = ""
		} else if i >= 130 {
			label = "dog"
		}
		v := make([]float32, 4)
		if err := (quarters{}).Encode(v, []image.Image{board(20, quarter(i)...)}); err != nil {
			t.Fatal(err)
		}
		items = append(items, index.Item{ID: fmt.Sprintf("my/%03d.jpg", i), Label: label, Vector: v, Fields: map[string]string{
			"year": []string{"2019", "2020"}[i%2], index.PathField: fmt.Sprint(i),
		}})
	}
	if err := x.Add(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	o := options(x)
	o.Encoder = coloured{}
	o.Picture = func(_ context.Context, item index.Item) (serve.Picture, error) {
		var i int
		if _, err := fmt.Sscan(item.Fields[index.PathField], &i); err != nil {
			return nil, fs.ErrNotExist
		}
		return data.DecodedPicture{Image: board(300, quarter(i)...)}, nil
	}
	return o
}

const (
	status  = "document.getElementById('status').textContent"
	wrong   = "document.getElementById('error').hidden ? '' : document.getElementById('error').textContent"
	gallery = "document.querySelectorAll('#gallery .card').length"
	hits    = "document.querySelectorAll('#results .card').length"
	titles  = "[...document.querySelectorAll('#gallery h2')].map(e => e.textContent).join(', ')"
	chips   = "[...document.querySelectorAll('#chips li')].map(e => e.firstChild.textContent).join(', ')"
	tray    = "[...document.querySelectorAll('#examples li')].map(e => e.querySelector('.sign').textContent + ' ' + e.title).join(', ')"
	ids     = "[...document.querySelectorAll('#results .card')].map(e => e.dataset.id).join(' ')"
	opened  = "document.getElementById('viewer').open"
	param   = "new URLSearchParams(location.search).get(%q)"
)

func click(id string) string { return fmt.Sprintf("document.getElementById(%q).click()", id) }

// choose chooses the option of a menu that begins with a text.
func (b browser) choose(field, begin string) {
	b.t.Helper()
	b.Await(fmt.Sprintf(`(() => {
		const m = document.querySelector('#menus [data-field="%s"]'), o = m && [...m.options].find(o => o.text.startsWith(%q));
		if (!o) return m ? [...m.options].map(o => o.text).join() : "no menu";
		m.value = o.value;
		m.dispatchEvent(new Event("change"));
		return "chosen";
	})()`, field, begin), "chosen")
}

// give drops or pastes a file on the page.
func (b browser) give(content, kind, event, name, where string) {
	b.t.Helper()
	b.Eval(fmt.Sprintf(`(async () => {
		const data = new DataTransfer();
		data.items.add(new File([%s], "a.png", {type: %q}));
		document.dispatchEvent(new %s(%q, {%s: data, bubbles: true, cancelable: true}));
	})()`, content, kind, event, name, where))
}

const albumPicture = "new Uint8Array(await (await fetch('/v1/picture/my%2F007.jpg')).arrayBuffer())"

// The page of an index of photographs.
func TestPage(t *testing.T) {
	_, at := start(t, album(t))
	b := browse(t, at+"/")
	testGallery(b)
	testDialog(b)
	testExamples(b, at)
	testWords(b, at)
	testOwnPicture(b)
	testMap(b, at)
	testFaults(b, at)
	testNarrow(b, at)
	b.checkQuiet(at)
}

func testGallery(b browser) {
	b.t.Helper()
	b.Await("document.getElementById('about') && document.getElementById('about').textContent", "145 items, 4 coordinates, euclidean distance")
	b.Await(titles, "cat 130, dog 10, Without a label 5")
	b.Await("[...document.querySelectorAll('#gallery .card img')].slice(0, 4).filter(i => i.naturalWidth === 224).length", "4")
	b.Await("[document.getElementById('draw').hidden, document.getElementById('to-draw').hidden].join()", "true,true")
	b.Shot("gallery")

	// Menus count what passes the other filters; every state is in the history.
	b.choose("", "dog (10)")
	b.Await(gallery, "10")
	b.Await(chips, "label: dog")
	b.choose("year", "2020 (5)")
	b.Await(gallery, "5")
	b.Await(status, "5 of 145 items")
	b.Await("document.querySelector('#menus [data-field=\"\"]').options[1].text", "cat (65)")
	b.Eval("history.back()")
	b.Await(gallery, "10")
	b.Eval("history.forward()")
	b.Await(gallery, "5")
	b.Eval("[...document.querySelectorAll('#chips button')].forEach(() => document.querySelector('#chips button').click())")
	b.Await(titles, "cat 130, dog 10, Without a label 5")
	b.Await("location.search", "")
	b.Eval("document.getElementById('text').focus()")
	b.Call("Input.insertText", map[string]any{"text": "id ^= my/14 and year = 2019"}, nil)
	b.Key("Enter", 13, "\r")
	b.Await(status, "3 of 145 items")
	b.Eval("history.back()")

	// More is loaded as one scrolls.
	b.choose("", "cat")
	b.Await("document.querySelectorAll('#gallery .card').length >= 60 && document.querySelectorAll('#gallery h2').length", "0")
	for range 20 {
		if b.Eval(gallery) == "130" {
			break
		}
		b.Eval("scrollTo(0, document.body.scrollHeight); new Promise(r => setTimeout(r, 50))")
	}
	b.Await(gallery, "130")
	b.Eval("document.getElementById('size').value = 96; for (const kind of ['input', 'change']) document.getElementById('size').dispatchEvent(new Event(kind))")
	b.Await(fmt.Sprintf(param, "size"), "96")
	b.Await("document.querySelector('.card').clientWidth < 130", "true")
}

func testDialog(b browser) {
	b.t.Helper()
	b.Eval("document.querySelector('[data-id=\"my/003.jpg\"]').focus()")
	b.Key("Enter", 13, "\r")
	b.Await(opened, "true")
	b.Await("document.getElementById('original').naturalWidth", "300")
	b.Await("document.getElementById('fields').textContent", "identifiermy/003.jpglabelcatyear2020")
	b.Await("document.getElementById('viewer').contains(document.activeElement)", "true")
	b.Shot("dialog")
	b.Key("ArrowRight", 39, "")
	b.Await(fmt.Sprintf(param, "open"), "my/004.jpg")
	b.Key("ArrowLeft", 37, "")
	b.Key("ArrowLeft", 37, "")
	b.Await(fmt.Sprintf(param, "open"), "my/002.jpg")
	b.Await("document.getElementById('caption').textContent", "002.jpg")
	b.Key("Escape", 27, "")
	b.Await(opened, "false")
	b.Await(fmt.Sprintf(param, "open"), "<nil>")
	b.Await("document.activeElement.dataset.id", "my/002.jpg")
	b.Await(gallery, "130") // as it was left
}

func testExamples(b browser, at string) {
	b.t.Helper()
	b.Call("Page.navigate", map[string]any{"url": at + "/?k=24"}, nil)
	b.Await("document.querySelector('[data-id=\"my/003.jpg\"]') !== null", "true")
	b.Eval("document.querySelector('[data-id=\"my/003.jpg\"]').click()")
	b.Await(opened, "true")
	b.Eval(click("alike"))
	b.Await(hits, "24")
	b.Await(opened, "false")
	b.Await(tray, "like my/003.jpg")
	b.Eval(click("more"))
	b.Await(hits, "48")
	b.Await("new Set([...document.querySelectorAll('#results .card')].map(c => c.dataset.id)).size", "48")
	b.Await("[...document.querySelectorAll('#results .far')].every((e, i, all) => !i || Number(e.textContent) >= Number(all[i - 1].textContent))", "true")

	// Another example, and one of what it should not be like; closing the dialog leaves them.
	one := b.Eval("document.querySelectorAll('#results .card')[1].dataset.id")
	two := b.Eval("document.querySelectorAll('#results .card')[2].dataset.id")
	b.Eval("document.querySelectorAll('#results .card')[1].click()")
	b.Await(opened, "true")
	b.Eval(click("like"))
	b.Await("document.getElementById('like').getAttribute('aria-pressed')", "true")
	b.Key("ArrowRight", 39, "")
	b.Await(fmt.Sprintf(param, "open"), two)
	b.Eval(click("unlike"))
	b.Key("Escape", 27, "")
	b.Await(opened, "false")
	b.Await(tray, "like my/003.jpg, like "+one+", unlike "+two)
	b.Await(hits+" + ' ' + document.getElementById('results').getAttribute('aria-busy')", "24 null") // not those of the search before
	if got := b.Eval(ids); strings.Contains(got, one) || strings.Contains(got, two) {
		b.t.Errorf("examples are among the results: %s", got)
	}

	// A bound of the distance; the address alone gives the same results.
	b.Eval("(() => { const w = document.getElementById('within'); w.value = (Number(w.min) + Number(w.max)) / 2; w.dispatchEvent(new Event('change')); })()")
	b.Await("document.querySelectorAll('#results .card').length < 24 && document.getElementById('results').getAttribute('aria-busy') === null", "true")
	b.Await(fmt.Sprintf(param, "within")+" > 0", "true")
	want, address := b.Eval(ids), b.Eval("location.href")
	b.Shot("results")
	b.Call("Page.navigate", map[string]any{"url": "about:blank"}, nil)
	b.Call("Page.navigate", map[string]any{"url": address}, nil)
	b.Await("document.querySelectorAll('#results .card').length > 0 && "+ids, want)
	b.Await(tray, "like my/003.jpg, like "+one+", unlike "+two)

	b.Eval("[...document.querySelectorAll('#examples .like button')].forEach(() => document.querySelector('#examples .like button').click())")
	b.Await(status, "Add something that the results should be like.")
	b.Eval(click("stop"))
	b.Await("document.getElementById('tray').hidden", "true")
	b.Await(titles, "cat 130, dog 10, Without a label 5")
}

func testOwnPicture(b browser) {
	b.t.Helper()
	b.give(albumPicture, "image/png", "DragEvent", "drop", "dataTransfer")
	b.Await("document.querySelector('#results .card') && document.querySelector('#results .card').dataset.id", "my/007.jpg")
	b.Await("document.getElementById('private').offsetParent !== null", "true")
	b.Await("document.querySelector('#examples img').naturalWidth", "300")
	b.Await("location.search", "?k=24")
	b.Eval("history.back()")
	b.Await(titles, "cat 130, dog 10, Without a label 5")
	b.Eval("history.forward()")
	b.Await("document.querySelector('#results .card').dataset.id", "my/007.jpg")
	b.Call("Page.reload", nil, nil)
	b.Await("("+status+").startsWith('The picture that was searched by is gone')", "true")
	b.give("'nonsense'", "image/png", "ClipboardEvent", "paste", "clipboardData")
	b.Await("("+wrong+").startsWith('image is not a valid picture')", "true")
	b.give("'text'", "text/plain", "DragEvent", "drop", "dataTransfer")
	b.Await(wrong, "a.png is not a picture.")

	// Text that is dropped where one types is left to the browser.
	const text = `(() => {
		const data = new DataTransfer();
		data.setData("text/plain", "7");
		return %s.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
	})()`
	b.Await(fmt.Sprintf(text, "document.getElementById('text')"), "true")
	b.Await(fmt.Sprintf(text, "document"), "false")
}

// ink is how much is drawn on the map.
const ink = `(() => {
	const c = document.getElementById("chart"), copy = new OffscreenCanvas(c.width, c.height).getContext("2d", {willReadFrequently: true});
	copy.drawImage(c, 0, 0);
	return copy.getImageData(0, 0, c.width, c.height).data.reduce((sum, v, i) => i % 4 === 3 ? sum + v : sum, 0);
})()`

func testMap(b browser, at string) {
	b.t.Helper()
	b.Call("Page.navigate", map[string]any{"url": at + "/"}, nil)
	b.Await(titles, "cat 130, dog 10, Without a label 5")
	b.Eval(click("to-map"))
	b.Await(status, "145 items")
	b.Await("[...document.querySelectorAll('#legend button')].map(b => b.textContent).join()", "cat,dog,no label")
	b.Await("("+ink+") > 100000", "true")
	b.Shot("map")

	// By mouse: what is under it is shown, the wheel comes nearer, a press opens.
	var box struct{ X, Y, Width, Height float64 }
	if err := json.Unmarshal([]byte(b.Eval("JSON.stringify(document.getElementById('chart').getBoundingClientRect())")), &box); err != nil {
		b.t.Fatal(err)
	}
	x, y := b.seek(box.X, box.Y, box.Width, box.Height)
	id := b.Eval("document.getElementById('peek').dataset.id")
	b.Mouse("mousePressed", x, y)
	b.Mouse("mouseReleased", x, y)
	b.Await(fmt.Sprintf(param, "open"), id)
	b.Await("document.getElementById('after').disabled", "false")
	b.Key("Escape", 27, "")
	b.Await(opened, "false")
	b.Call("Input.dispatchMouseEvent", map[string]any{"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": -600}, nil)
	b.Await("Number(("+fmt.Sprintf(param, "at")+" || '').split(',')[2]) > 2", "true")

	// By keys.
	b.Eval("document.getElementById('chart').focus()")
	b.Key("0", 48, "")
	b.Await(fmt.Sprintf(param, "at"), "<nil>")
	b.Key("+", 187, "")
	b.Key("ArrowRight", 39, "")
	b.Await("("+status+").startsWith('In the middle: ')", "true")
	b.Await("("+fmt.Sprintf(param, "at")+" || '').split(',')[2]", "1.40")
	near := strings.TrimPrefix(b.Eval(status), "In the middle: ")
	b.Key("Enter", 13, "\r")
	b.Await(opened, "true")
	if id := b.Eval(fmt.Sprintf(param, "open")); !strings.HasSuffix(near, id) {
		b.t.Errorf("Enter opens %s, in the middle is %s", id, near)
	}
	b.Key("Escape", 27, "")
	b.Await(opened, "false")

	// A label stands out: the others are drawn faintly.
	before := b.Eval(ink)
	b.Eval("document.querySelector('#legend [value=dog]').click()")
	b.Await(fmt.Sprintf(param, "mark"), "dog")
	b.Await("document.querySelector('#legend [value=dog]').getAttribute('aria-pressed')", "true")
	b.Await("("+ink+") < .8 * "+before, "true")
	b.Call("Page.reload", nil, nil)
	b.Await("document.querySelector('#legend [value=dog]') && document.querySelector('#legend [value=dog]').getAttribute('aria-pressed')", "true")
	b.Await("("+fmt.Sprintf(param, "at")+" || '').split(',')[2]", "1.40")
	b.Eval("history.back()")
	b.Await(fmt.Sprintf(param, "mark"), "<nil>")
}

// seek moves the mouse over the map until something is under it.
func (b browser) seek(left, top, width, height float64) (x, y float64) {
	b.t.Helper()
	for y = top + height*.2; y < top+height*.8; y += 12 {
		for x = left + width*.2; x < left+width*.8; x += 12 {
			b.Call("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": x, "y": y}, nil)
			if b.Eval("document.getElementById('peek').hidden") == "false" {
				return x, y
			}
		}
	}
	b.t.Fatal("nothing on the map is shown under the mouse")
	return 0, 0
}

func testFaults(b browser, at string) {
	b.t.Helper()
	b.Call("Page.navigate", map[string]any{"url": at + "/?filter=label+%3C"}, nil)
	b.Await("("+wrong+").startsWith('filter')", "true")
	b.Call("Page.navigate", map[string]any{"url": at + "/?open=nothing"}, nil)
	b.Await(wrong, `there is no item "nothing"`)
	b.Await(opened, "false")

	// An answer of something else in front of the server.
	b.Await("document.querySelector('.card') !== null", "true")
	b.Eval("fetchOurs = fetch; fetch = async () => new Response('<p>', {status: 502}); document.querySelector('.card').click()")
	b.Await(wrong, "The answer has status 502 and is not JSON.")
	b.Eval("fetch = fetchOurs")
}

// On a phone results come first, and nothing is wider than the screen.
func testNarrow(b browser, at string) {
	b.t.Helper()
	b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 400, "height": 860, "deviceScaleFactor": 1, "mobile": true}, nil)
	for name, query := range map[string]string{
		"narrow": "", "narrow-results": "?like=my%2F003.jpg&unlike=my%2F100.jpg&is==cat", "narrow-words": "?words=dog+2020", "narrow-map": "?view=map", "narrow-dialog": "?open=my%2F003.jpg",
	} {
		b.Call("Page.navigate", map[string]any{"url": at + "/" + query}, nil)
		b.Await("document.querySelector('main .card, #legend button') !== null", "true")
		b.Shot(name)
		if got := b.Eval("document.documentElement.scrollWidth > 400"); got != "false" {
			b.t.Errorf("%q is wider than a narrow screen", query)
		}
		if got := b.Eval("document.querySelector('main .card, #chart').getBoundingClientRect().top < 300"); got != "true" {
			b.t.Errorf("%q: results begin far down", query)
		}
		if got := b.Eval("getComputedStyle(document.body).backgroundColor"); got != "rgb(20, 23, 28)" {
			b.t.Errorf("the dark page is %s", got)
		}
	}
	b.Eval("document.getElementById('close').click(); document.getElementById('to-tools').click()")
	b.Await("document.querySelector('#menus select').offsetParent !== null", "true")
}

// checkQuiet wants no error of the page, and no request but to the server.
func (b browser) checkQuiet(at string) {
	b.t.Helper()
	for _, e := range b.Errors {
		// The browser itself notes refusals, and previews of nonsense, which are meant.
		if !strings.Contains(e, "a status of 40") && !strings.Contains(e, "a status of 422") && !strings.Contains(e, "blob:") {
			b.t.Errorf("the page had an error: %s", e)
		}
	}
	if got := b.Eval(fmt.Sprintf("performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(%q) && !n.startsWith('blob:') && !n.startsWith('data:')).join()", at)); got != "" {
		b.t.Errorf("the page asked elsewhere: %s", got)
	}
}

// Digits are drawn: with strokes of a mouse or a finger, cleared by a key.
func TestPageOfDigits(t *testing.T) {
	_, at := start(t, options(onDisk(t)))
	b := browse(t, at+"/")
	b.Await("document.getElementById('canvas') && document.getElementById('canvas').offsetParent !== null", "true")
	var box struct{ X, Y float64 }
	if err := json.Unmarshal([]byte(b.Eval("JSON.stringify(document.getElementById('canvas').getBoundingClientRect())")), &box); err != nil {
		t.Fatal(err)
	}
	b.Mouse("mousePressed", box.X+80, box.Y+40)
	for i := range 10 {
		b.Mouse("mouseMoved", box.X+80+float64(i), box.Y+40+12*float64(i))
	}
	b.Mouse("mouseReleased", box.X+89, box.Y+150)
	b.Await(hits, "4")
	if got := b.Eval(status); !strings.HasPrefix(got, "4 results in ") || !strings.Contains(got, "network ") {
		t.Errorf("the page says %q", got)
	}
	b.Await("[...document.querySelectorAll('#results .card img')].filter(i => i.naturalWidth === 224).length", "3")
	b.Await("document.querySelectorAll('#results .none').length", "1") // whose picture is not there any more
	b.Shot("drawn")

	// Delete clears the canvas and ends the search that a stroke began; then there is nothing to look for.
	b.Eval("document.getElementById('stop').click(); document.getElementById('canvas').focus()")
	b.Mouse("mousePressed", box.X+80, box.Y+60)
	b.Mouse("mouseReleased", box.X+80, box.Y+60)
	b.Key("Delete", 46, "")
	b.Eval("new Promise(r => setTimeout(r, 400))")
	b.Await("document.getElementById('tray').hidden", "true")
	b.Key("Enter", 13, "\r")
	b.Await(wrong, "The drawing is empty.")

	touch := func(kind string, points ...any) {
		b.Call("Input.dispatchTouchEvent", map[string]any{"type": kind, "touchPoints": append([]any{}, points...)}, nil)
	}
	touch("touchStart", map[string]float64{"x": box.X + 40, "y": box.Y + 60})
	touch("touchMove", map[string]float64{"x": box.X + 160, "y": box.Y + 60})
	touch("touchEnd")
	b.Await("document.getElementById('results').hidden", "false")
	b.Await(hits, "4")
	b.Await(wrong, "")
	b.checkQuiet(at)
}

// Without a network and pictures the page is a list of the items; searches are by items.
func TestPageOfVectors(t *testing.T) {
	o := options(onDisk(t))
	o.Encoder, o.Picture, o.K, o.ReadOnly = nil, nil, 5, true
	_, at := start(t, o)
	b := browse(t, at+"/?is=side=left")
	b.Await("document.querySelectorAll('#gallery .card').length", "2")
	b.Await("document.getElementById('about').textContent", "4 items, 4 coordinates, euclidean distance, read only")
	b.Await("[document.getElementById('ways').hidden, document.getElementById('draw').hidden, document.querySelector('.grid').classList.contains('plain')].join()", "true,true,true")
	b.Eval("document.querySelector('.card').click()")
	b.Await(opened, "true")
	b.Eval(click("alike"))
	b.Await(hits, "1")
	b.Await("[...document.getElementById('k').options].map(o => o.value).join()", "5")
	b.Eval(click("to-map"))
	b.Await(status, "2 items")
	b.Shot("vectors")
	b.checkQuiet(at)
}
