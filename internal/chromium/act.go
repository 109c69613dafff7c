package chromium

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// Needed tells whether a test fails without something, chromium or axe, instead of being skipped: where ENERGO_NEED names it, as in continuous integration.
func Needed(what string) bool {
	return slices.Contains(strings.Split(os.Getenv("ENERGO_NEED"), ","), what)
}

// lacking ends a test that has no browser.
func lacking(t testing.TB, why string) {
	t.Helper()
	if Needed("chromium") {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Where is where the middle of an element is in the window, once it is scrolled into view and stands still, and can be reached by a pointer there.
// The element is what a script gives. A share of 0.5 is the middle of its width and of its height.
func (b *Browser) Where(element string, across, down float64) (x, y float64) {
	b.t.Helper()
	script := fmt.Sprintf(`(() => { const e = %s; if (!e) return "null"; const hit = () => { const r = e.getBoundingClientRect(), x = r.left + r.width * %g, y = r.top + r.height * %g, at = document.elementFromPoint(x, y); return [x, y, Boolean(at) && (e === at || e.contains(at) || at.contains(e) && at.closest("label") !== null)]; };
		if (!hit()[2]) e.scrollIntoView({ block: "center", inline: "center", behavior: "instant" }); return JSON.stringify(hit()); })()`, element, across, down)
	var last string
	for range 300 {
		text, err := b.Value(script)
		if err == nil && text == last && text != "null" {
			var place [3]any
			if err := json.Unmarshal([]byte(text), &place); err != nil {
				b.t.Fatal(err)
			}
			if place[2] == true {
				return place[0].(float64), place[1].(float64)
			}
		}
		if last = text; err != nil {
			last = err.Error()
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatalf("%s cannot be reached by a pointer: %s", element, last)
	return 0, 0
}

// Click moves the pointer to the middle of an element and presses the button there.
func (b *Browser) Click(element string) {
	b.t.Helper()
	x, y := b.Where(element, 0.5, 0.5)
	b.Press(x, y)
}

// Press moves the pointer to a place of the window and presses the button there.
func (b *Browser) Press(x, y float64) {
	b.t.Helper()
	b.Mouse("mouseMoved", x, y)
	b.Mouse("mousePressed", x, y)
	b.Mouse("mouseReleased", x, y)
}

// Drag drags an element from its middle to a place of the window.
func (b *Browser) Drag(element string, toX, toY float64) {
	b.t.Helper()
	x, y := b.Where(element, 0.5, 0.5)
	b.Mouse("mouseMoved", x, y)
	b.Mouse("mousePressed", x, y)
	const moves = 5
	for i := 1; i <= moves; i++ {
		part := float64(i) / moves
		b.Mouse("mouseMoved", x+part*(toX-x), y+part*(toY-y))
	}
	b.Mouse("mouseReleased", toX, toY)
}
