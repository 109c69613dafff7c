package search

import (
	"fmt"
	"testing"
)

// Words are searched for alone and beside an example; they are in the address.
func testWords(b browser, at string) {
	b.t.Helper()
	b.Await("document.getElementById('by-words').offsetParent !== null", "true")
	b.typeWords("Dog 2020")
	b.Await(hits, "24")
	b.Await(tray, "words Dog 2020")
	b.Await(fmt.Sprintf(param, "words"), "Dog 2020")
	b.Await("[...document.querySelectorAll('#results .card .name')].slice(0, 5).map(e => e.textContent).join()", "dog,dog,dog,dog,dog") // without distances
	b.Await("[document.getElementById('reach').hidden, document.getElementById('private').hidden].join()", "true,true")
	b.Shot("words")

	// An example beside, which has distances; the address alone gives the same results.
	b.Eval("document.querySelectorAll('#results .card')[0].click()")
	b.Await(opened, "true")
	b.Eval(click("like"))
	b.Key("Escape", 27, "")
	b.Await("document.getElementById('reach').hidden", "false")
	b.Await("document.querySelectorAll('#results .far').length", "24")
	b.Await("("+tray+").startsWith('words Dog 2020, like my/13')", "true")
	b.Shot("words-like")
	want, address := b.Eval(ids), b.Eval("location.href")
	b.Call("Page.navigate", map[string]any{"url": "about:blank"}, nil)
	b.Call("Page.navigate", map[string]any{"url": address}, nil)
	b.Await("document.querySelectorAll('#results .card').length > 0 && "+ids, want)
	b.Await("document.getElementById('words').value", "Dog 2020")

	// What has no word is refused; the words are taken out, and back, and the search ends.
	b.Eval("document.querySelector('#examples .like button').click()")
	b.typeWords("?!")
	b.Await("("+wrong+").startsWith('text is \"?!\", which has no word')", "true")
	b.Eval("history.back()")
	b.Await("document.getElementById('words').value", "Dog 2020")
	b.Await(hits, "24")
	b.typeWords("")
	b.Await("document.getElementById('tray').hidden", "true")
	b.Call("Page.navigate", map[string]any{"url": at + "/?k=24"}, nil)
	b.Await(titles, "cat 130, dog 10, Without a label 5")
}

// typeWords types into the field of words.
func (b browser) typeWords(text string) {
	b.t.Helper()
	b.Eval("document.getElementById('words').focus(); document.getElementById('words').select()")
	if text == "" {
		b.Key("Delete", 46, "")
	} else {
		b.Call("Input.insertText", map[string]any{"text": text}, nil)
	}
	b.Key("Enter", 13, "\r")
}

// An index that does not search for words has no field for them.
func TestPageWithoutWords(t *testing.T) {
	_, at := start(t, options(fixture()))
	b := browse(t, at+"/")
	b.Await("document.getElementById('ways') && document.getElementById('ways').hidden", "false") // the page knows what the server is
	b.Await("document.getElementById('by-words').hidden", "true")
	b.checkQuiet(at)
}
