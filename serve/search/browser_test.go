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
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
)

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
func (b *browser) choose(field, begin string) {
	b.t.Helper()
	b.await(fmt.Sprintf(`(() => {
		const m = document.querySelector('#menus [data-field="%s"]'), o = m && [...m.options].find(o => o.text.startsWith(%q));
		if (!o) return m ? [...m.options].map(o => o.text).join() : "no menu";
		m.value = o.value;
		m.dispatchEvent(new Event("change"));
		return "chosen";
	})()`, field, begin), "chosen")
}

// give drops or pastes a file on the page.
func (b *browser) give(content, kind, event, name, where string) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`(async () => {
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
	testOwnPicture(b)
	testMap(b, at)
	testFaults(b, at)
	testNarrow(b, at)
	b.checkQuiet(at)
}

func testGallery(b *browser) {
	b.t.Helper()
	b.await("document.getElementById('about') && document.getElementById('about').textContent", "145 items, 4 coordinates, euclidean distance")
	b.await(titles, "cat 130, dog 10, Without a label 5")
	b.await("[...document.querySelectorAll('#gallery .card img')].slice(0, 4).filter(i => i.naturalWidth === 224).length", "4")
	b.await("[document.getElementById('draw').hidden, document.getElementById('to-draw').hidden].join()", "true,true")
	b.shot("gallery")

	// Menus count what passes the other filters; every state is in the history.
	b.choose("", "dog (10)")
	b.await(gallery, "10")
	b.await(chips, "label: dog")
	b.choose("year", "2020 (5)")
	b.await(gallery, "5")
	b.await(status, "5 of 145 items")
	b.await("document.querySelector('#menus [data-field=\"\"]').options[1].text", "cat (65)")
	b.eval("history.back()")
	b.await(gallery, "10")
	b.eval("history.forward()")
	b.await(gallery, "5")
	b.eval("[...document.querySelectorAll('#chips button')].forEach(() => document.querySelector('#chips button').click())")
	b.await(titles, "cat 130, dog 10, Without a label 5")
	b.await("location.search", "")
	b.eval("document.getElementById('text').focus()")
	b.call("Input.insertText", map[string]any{"text": "id ^= my/14 and year = 2019"}, nil)
	b.key("Enter", 13, "\r")
	b.await(status, "3 of 145 items")
	b.eval("history.back()")

	// More is loaded as one scrolls.
	b.choose("", "cat")
	b.await("document.querySelectorAll('#gallery .card').length >= 60 && document.querySelectorAll('#gallery h2').length", "0")
	for range 20 {
		if b.eval(gallery) == "130" {
			break
		}
		b.eval("scrollTo(0, document.body.scrollHeight); new Promise(r => setTimeout(r, 50))")
	}
	b.await(gallery, "130")
	b.eval("document.getElementById('size').value = 96; for (const kind of ['input', 'change']) document.getElementById('size').dispatchEvent(new Event(kind))")
	b.await(fmt.Sprintf(param, "size"), "96")
	b.await("document.querySelector('.card').clientWidth < 130", "true")
}

func testDialog(b *browser) {
	b.t.Helper()
	b.eval("document.querySelector('[data-id=\"my/003.jpg\"]').focus()")
	b.key("Enter", 13, "\r")
	b.await(opened, "true")
	b.await("document.getElementById('original').naturalWidth", "300")
	b.await("document.getElementById('fields').textContent", "identifiermy/003.jpglabelcatyear2020")
	b.await("document.getElementById('viewer').contains(document.activeElement)", "true")
	b.shot("dialog")
	b.key("ArrowRight", 39, "")
	b.await(fmt.Sprintf(param, "open"), "my/004.jpg")
	b.key("ArrowLeft", 37, "")
	b.key("ArrowLeft", 37, "")
	b.await(fmt.Sprintf(param, "open"), "my/002.jpg")
	b.await("document.getElementById('caption').textContent", "002.jpg")
	b.key("Escape", 27, "")
	b.await(opened, "false")
	b.await(fmt.Sprintf(param, "open"), "<nil>")
	b.await("document.activeElement.dataset.id", "my/002.jpg")
	b.await(gallery, "130") // as it was left
}

func testExamples(b *browser, at string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": at + "/?k=24"}, nil)
	b.await("document.querySelector('[data-id=\"my/003.jpg\"]') !== null", "true")
	b.eval("document.querySelector('[data-id=\"my/003.jpg\"]').click()")
	b.await(opened, "true")
	b.eval(click("alike"))
	b.await(hits, "24")
	b.await(opened, "false")
	b.await(tray, "like my/003.jpg")
	b.eval(click("more"))
	b.await(hits, "48")
	b.await("new Set([...document.querySelectorAll('#results .card')].map(c => c.dataset.id)).size", "48")
	b.await("[...document.querySelectorAll('#results .far')].every((e, i, all) => !i || Number(e.textContent) >= Number(all[i - 1].textContent))", "true")

	// Another example, and one of what it should not be like; closing the dialog leaves them.
	one := b.eval("document.querySelectorAll('#results .card')[1].dataset.id")
	two := b.eval("document.querySelectorAll('#results .card')[2].dataset.id")
	b.eval("document.querySelectorAll('#results .card')[1].click()")
	b.await(opened, "true")
	b.eval(click("like"))
	b.await("document.getElementById('like').getAttribute('aria-pressed')", "true")
	b.key("ArrowRight", 39, "")
	b.await(fmt.Sprintf(param, "open"), two)
	b.eval(click("unlike"))
	b.key("Escape", 27, "")
	b.await(opened, "false")
	b.await(tray, "like my/003.jpg, like "+one+", unlike "+two)
	b.await(hits, "24")
	if got := b.eval(ids); strings.Contains(got, one) || strings.Contains(got, two) {
		b.t.Errorf("examples are among the results: %s", got)
	}

	// A bound of the distance; the address alone gives the same results.
	b.eval("(() => { const w = document.getElementById('within'); w.value = (Number(w.min) + Number(w.max)) / 2; w.dispatchEvent(new Event('change')); })()")
	b.await("document.querySelectorAll('#results .card').length < 24 && document.getElementById('results').getAttribute('aria-busy') === null", "true")
	b.await(fmt.Sprintf(param, "within")+" > 0", "true")
	want, address := b.eval(ids), b.eval("location.href")
	b.shot("results")
	b.call("Page.navigate", map[string]any{"url": "about:blank"}, nil)
	b.call("Page.navigate", map[string]any{"url": address}, nil)
	b.await("document.querySelectorAll('#results .card').length > 0 && "+ids, want)
	b.await(tray, "like my/003.jpg, like "+one+", unlike "+two)

	b.eval("[...document.querySelectorAll('#examples .like button')].forEach(() => document.querySelector('#examples .like button').click())")
	b.await(status, "Add something that the results should be like.")
	b.eval(click("stop"))
	b.await("document.getElementById('tray').hidden", "true")
	b.await(titles, "cat 130, dog 10, Without a label 5")
}

func testOwnPicture(b *browser) {
	b.t.Helper()
	b.give(albumPicture, "image/png", "DragEvent", "drop", "dataTransfer")
	b.await("document.querySelector('#results .card') && document.querySelector('#results .card').dataset.id", "my/007.jpg")
	b.await("document.getElementById('private').offsetParent !== null", "true")
	b.await("document.querySelector('#examples img').naturalWidth", "300")
	b.await("location.search", "?k=24")
	b.eval("history.back()")
	b.await(titles, "cat 130, dog 10, Without a label 5")
	b.eval("history.forward()")
	b.await("document.querySelector('#results .card').dataset.id", "my/007.jpg")
	b.call("Page.reload", nil, nil)
	b.await("("+status+").startsWith('The picture that was searched by is gone')", "true")
	b.give("'nonsense'", "image/png", "ClipboardEvent", "paste", "clipboardData")
	b.await("("+wrong+").startsWith('image is not a valid picture')", "true")
	b.give("'text'", "text/plain", "DragEvent", "drop", "dataTransfer")
	b.await(wrong, "a.png is not a picture.")

	// Text that is dropped where one types is left to the browser.
	const text = `(() => {
		const data = new DataTransfer();
		data.setData("text/plain", "7");
		return %s.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
	})()`
	b.await(fmt.Sprintf(text, "document.getElementById('text')"), "true")
	b.await(fmt.Sprintf(text, "document"), "false")
}

// ink is how much is drawn on the map.
const ink = `(() => {
	const c = document.getElementById("chart"), copy = new OffscreenCanvas(c.width, c.height).getContext("2d", {willReadFrequently: true});
	copy.drawImage(c, 0, 0);
	return copy.getImageData(0, 0, c.width, c.height).data.reduce((sum, v, i) => i % 4 === 3 ? sum + v : sum, 0);
})()`

func testMap(b *browser, at string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": at + "/"}, nil)
	b.await(titles, "cat 130, dog 10, Without a label 5")
	b.eval(click("to-map"))
	b.await(status, "145 items")
	b.await("[...document.querySelectorAll('#legend button')].map(b => b.textContent).join()", "cat,dog,no label")
	b.await("("+ink+") > 100000", "true")
	b.shot("map")

	// By mouse: what is under it is shown, the wheel comes nearer, a press opens.
	var box struct{ X, Y, Width, Height float64 }
	if err := json.Unmarshal([]byte(b.eval("JSON.stringify(document.getElementById('chart').getBoundingClientRect())")), &box); err != nil {
		b.t.Fatal(err)
	}
	x, y := b.seek(box.X, box.Y, box.Width, box.Height)
	id := b.eval("document.getElementById('peek').dataset.id")
	b.mouse("mousePressed", x, y)
	b.mouse("mouseReleased", x, y)
	b.await(fmt.Sprintf(param, "open"), id)
	b.await("document.getElementById('after').disabled", "false")
	b.key("Escape", 27, "")
	b.await(opened, "false")
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": -600}, nil)
	b.await("Number(("+fmt.Sprintf(param, "at")+" || '').split(',')[2]) > 2", "true")

	// By keys.
	b.eval("document.getElementById('chart').focus()")
	b.key("0", 48, "")
	b.await(fmt.Sprintf(param, "at"), "<nil>")
	b.key("+", 187, "")
	b.key("ArrowRight", 39, "")
	b.await("("+status+").startsWith('In the middle: ')", "true")
	b.await("("+fmt.Sprintf(param, "at")+" || '').split(',')[2]", "1.40")
	near := strings.TrimPrefix(b.eval(status), "In the middle: ")
	b.key("Enter", 13, "\r")
	b.await(opened, "true")
	if id := b.eval(fmt.Sprintf(param, "open")); !strings.HasSuffix(near, id) {
		b.t.Errorf("Enter opens %s, in the middle is %s", id, near)
	}
	b.key("Escape", 27, "")
	b.await(opened, "false")

	// A label stands out: the others are drawn faintly.
	before := b.eval(ink)
	b.eval("document.querySelector('#legend [value=dog]').click()")
	b.await(fmt.Sprintf(param, "mark"), "dog")
	b.await("document.querySelector('#legend [value=dog]').getAttribute('aria-pressed')", "true")
	b.await("("+ink+") < .8 * "+before, "true")
	b.call("Page.reload", nil, nil)
	b.await("document.querySelector('#legend [value=dog]') && document.querySelector('#legend [value=dog]').getAttribute('aria-pressed')", "true")
	b.await("("+fmt.Sprintf(param, "at")+" || '').split(',')[2]", "1.40")
	b.eval("history.back()")
	b.await(fmt.Sprintf(param, "mark"), "<nil>")
}

// seek moves the mouse over the map until something is under it.
func (b *browser) seek(left, top, width, height float64) (x, y float64) {
	b.t.Helper()
	for y = top + height*.2; y < top+height*.8; y += 12 {
		for x = left + width*.2; x < left+width*.8; x += 12 {
			b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": x, "y": y}, nil)
			if b.eval("document.getElementById('peek').hidden") == "false" {
				return x, y
			}
		}
	}
	b.t.Fatal("nothing on the map is shown under the mouse")
	return 0, 0
}

func testFaults(b *browser, at string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": at + "/?filter=label+%3C"}, nil)
	b.await("("+wrong+").startsWith('filter')", "true")
	b.call("Page.navigate", map[string]any{"url": at + "/?open=nothing"}, nil)
	b.await(wrong, `there is no item "nothing"`)
	b.await(opened, "false")

	// An answer of something else in front of the server.
	b.await("document.querySelector('.card') !== null", "true")
	b.eval("fetchOurs = fetch; fetch = async () => new Response('<p>', {status: 502}); document.querySelector('.card').click()")
	b.await(wrong, "The answer has status 502 and is not JSON.")
	b.eval("fetch = fetchOurs")
}

// On a phone results come first, and nothing is wider than the screen.
func testNarrow(b *browser, at string) {
	b.t.Helper()
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 400, "height": 860, "deviceScaleFactor": 1, "mobile": true}, nil)
	for name, query := range map[string]string{
		"narrow": "", "narrow-results": "?like=my%2F003.jpg&unlike=my%2F100.jpg&is==cat", "narrow-map": "?view=map", "narrow-dialog": "?open=my%2F003.jpg",
	} {
		b.call("Page.navigate", map[string]any{"url": at + "/" + query}, nil)
		b.await("document.querySelector('main .card, #legend button') !== null", "true")
		b.shot(name)
		if got := b.eval("document.documentElement.scrollWidth > 400"); got != "false" {
			b.t.Errorf("%q is wider than a narrow screen", query)
		}
		if got := b.eval("document.querySelector('main .card, #chart').getBoundingClientRect().top < 300"); got != "true" {
			b.t.Errorf("%q: results begin far down", query)
		}
		if got := b.eval("getComputedStyle(document.body).backgroundColor"); got != "rgb(20, 23, 28)" {
			b.t.Errorf("the dark page is %s", got)
		}
	}
	b.eval("document.getElementById('close').click(); document.getElementById('to-tools').click()")
	b.await("document.querySelector('#menus select').offsetParent !== null", "true")
}

// checkQuiet wants no error of the page, and no request but to the server.
func (b *browser) checkQuiet(at string) {
	b.t.Helper()
	for _, e := range b.errors {
		// The browser itself notes refusals, and previews of nonsense, which are meant.
		if !strings.Contains(e, "a status of 40") && !strings.Contains(e, "a status of 422") && !strings.Contains(e, "blob:") {
			b.t.Errorf("the page had an error: %s", e)
		}
	}
	if got := b.eval(fmt.Sprintf("performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(%q) && !n.startsWith('blob:') && !n.startsWith('data:')).join()", at)); got != "" {
		b.t.Errorf("the page asked elsewhere: %s", got)
	}
}

// Digits are drawn: with strokes of a mouse or a finger, cleared by a key.
func TestPageOfDigits(t *testing.T) {
	_, at := start(t, options(onDisk(t)))
	b := browse(t, at+"/")
	b.await("document.getElementById('canvas') && document.getElementById('canvas').offsetParent !== null", "true")
	var box struct{ X, Y float64 }
	if err := json.Unmarshal([]byte(b.eval("JSON.stringify(document.getElementById('canvas').getBoundingClientRect())")), &box); err != nil {
		t.Fatal(err)
	}
	b.mouse("mousePressed", box.X+80, box.Y+40)
	for i := range 10 {
		b.mouse("mouseMoved", box.X+80+float64(i), box.Y+40+12*float64(i))
	}
	b.mouse("mouseReleased", box.X+89, box.Y+150)
	b.await(hits, "4")
	if got := b.eval(status); !strings.HasPrefix(got, "4 results in ") || !strings.Contains(got, "network ") {
		t.Errorf("the page says %q", got)
	}
	b.await("[...document.querySelectorAll('#results .card img')].filter(i => i.naturalWidth === 224).length", "3")
	b.await("document.querySelectorAll('#results .none').length", "1") // whose picture is not there any more
	b.shot("drawn")

	// Delete clears the canvas and ends the search that a stroke began; then there is nothing to look for.
	b.eval("document.getElementById('stop').click(); document.getElementById('canvas').focus()")
	b.mouse("mousePressed", box.X+80, box.Y+60)
	b.mouse("mouseReleased", box.X+80, box.Y+60)
	b.key("Delete", 46, "")
	b.eval("new Promise(r => setTimeout(r, 400))")
	b.await("document.getElementById('tray').hidden", "true")
	b.key("Enter", 13, "\r")
	b.await(wrong, "The drawing is empty.")

	touch := func(kind string, points ...any) {
		b.call("Input.dispatchTouchEvent", map[string]any{"type": kind, "touchPoints": append([]any{}, points...)}, nil)
	}
	touch("touchStart", map[string]float64{"x": box.X + 40, "y": box.Y + 60})
	touch("touchMove", map[string]float64{"x": box.X + 160, "y": box.Y + 60})
	touch("touchEnd")
	b.await("document.getElementById('results').hidden", "false")
	b.await(hits, "4")
	b.await(wrong, "")
	b.checkQuiet(at)
}

// Without a network and pictures the page is a list of the items; searches are by items.
func TestPageOfVectors(t *testing.T) {
	o := options(onDisk(t))
	o.Encoder, o.Picture, o.K, o.ReadOnly = nil, nil, 5, true
	_, at := start(t, o)
	b := browse(t, at+"/?is=side=left")
	b.await("document.querySelectorAll('#gallery .card').length", "2")
	b.await("document.getElementById('about').textContent", "4 items, 4 coordinates, euclidean distance, read only")
	b.await("[document.getElementById('ways').hidden, document.getElementById('draw').hidden, document.querySelector('.grid').classList.contains('plain')].join()", "true,true,true")
	b.eval("document.querySelector('.card').click()")
	b.await(opened, "true")
	b.eval(click("alike"))
	b.await(hits, "1")
	b.await("[...document.getElementById('k').options].map(o => o.value).join()", "5")
	b.eval(click("to-map"))
	b.await(status, "2 items")
	b.shot("vectors")
	b.checkQuiet(at)
}
