package studio

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/internal/chromium"
)

// moreAddresses are addresses of views, besides the view's own, that show other parts of it.
var moreAddresses = map[string][]string{
	"run":     {"run/whole?epoch=2&sample=10", "run/stopped"},
	"runs":    {"runs?find=sweep&show=sweep/nll-1&of=step_loss&by=time&logx=1"},
	"surface": {"surface?run=bowl&with=sweep/other&solid=1"},
	"draw":    {"draw?run=-&from=noise"},
	"lesson":  {"lesson?set=parabola&energy=codes&f=energy&with=nll", "lesson?set=points&f=cd"},
	"ctc":     {"ctc?l=a&w=aa&x=4040", "ctc?l=elho&w=hello"},
	"losses":  {"losses?l=triplet", "losses?l=ebm.hinge&l=ebm.log&l=ebm.nll&along=difference&table=1"},
}

var (
	viewImport = regexp.MustCompile(`import \w+ from "\./(views/[^"]+)";`)
	viewList   = regexp.MustCompile(`export default \[([^\]]*)\]`)
	viewPath   = regexp.MustCompile(`(?m)^  path: "([^"]+)"`)
)

// viewPaths are the paths of the views that the page lists.
func viewPaths(t *testing.T) (paths []string) {
	t.Helper()
	read := func(name string) string {
		text, err := page.ReadFile(path.Join("page", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	list := read("views.js")
	for _, m := range viewImport.FindAllStringSubmatch(list, -1) {
		of := viewPath.FindStringSubmatch(read(m[1]))
		if of == nil {
			t.Fatalf("%s has no path", m[1])
		}
		paths = append(paths, of[1])
	}
	if m := viewList.FindStringSubmatch(list); m == nil || len(strings.Split(m[1], ",")) != len(paths) || len(paths) < 4 {
		t.Fatalf("views.js lists %v, and imports %v", m, paths)
	}
	for name := range moreAddresses {
		if !strings.Contains(" "+strings.Join(paths, " ")+" ", " "+name+" ") {
			t.Errorf("there are addresses of %s, which is no view", name)
		}
	}
	return paths
}

// TestEveryView holds each view at several addresses, in both widths and themes, to what a page must be for everybody: axe-core finds nothing, which includes the contrast of texts, nothing is wider than the
// window, every control is reached by Tab, in the order of the page, and shows that it is, no error is in the console, and nothing is asked of another host.
func TestEveryView(t *testing.T) {
	if !*long {
		t.Skip("it takes two minutes, and the tests of single views look at most of it; -long has it run")
	}
	dir := t.TempDir()
	several(t, dir)
	zoo(t, dir)
	writeFilm(t, dir, "bowl")
	writeFilm(t, dir, "sweep/other")
	writeSpeech(t, dir, "speech-1")
	writeSpeech(t, dir, "speech-1")
	at := startWith(t, Options{Folder: dir, Samples: zooPictures})
	more := maps.Clone(moreAddresses)
	more["hear"] = []string{"hear?heard=" + heardBy(t, at, "speech-1", saying(t, "i", "o")).ID}
	for _, view := range viewPaths(t) {
		for i, address := range append([]string{view}, more[view]...) {
			name := view
			if i > 0 {
				name = fmt.Sprintf("%s-%d", view, i)
			}
			t.Run(name, func(t *testing.T) {
				b := chromium.Open(t, "about:blank")
				began := time.Now()
				b.Call("Page.navigate", map[string]any{"url": at + "/#/" + address}, nil)
				b.Await("(document.querySelector('#view > section')?.childElementCount || 0) > 0", "true")
				t.Logf("the view is there after %v", time.Since(began).Round(time.Millisecond))
				b.Await("document.querySelector('#views a[aria-current]').dataset.path", view)
				settle(b)
				for k, look := range looks {
					look.set(b)
					if got := b.Eval("document.documentElement.scrollWidth <= innerWidth"); got != "true" {
						t.Errorf("%v: the page is wider than the window", look)
					}
					checkAccess(t, b)
					if k < 2 { // which does not depend on the theme
						checkKeys(t, b)
					}
					b.Shot(fmt.Sprintf("view-%s-%s-%d", name, look.colours, look.width))
				}
				if got := b.Eval("document.getElementById('error').hidden"); got != "true" {
					t.Errorf("the page complains: %s", b.Eval("document.getElementById('error').textContent"))
				}
				checkQuiet(t, b, at)
			})
		}
	}
}

// settle waits until a view has asked for nothing for a while.
func settle(b *chromium.Browser) {
	b.Eval(`new Promise((done) => {
		let last = -1, since = performance.now();
		const look = () => {
			const now = performance.getEntriesByType("resource").length;
			if (now !== last) [last, since] = [now, performance.now()];
			if (performance.now() - since > 300) done(); else setTimeout(look, 30);
		};
		look();
	})`)
}

// controls are what a keyboard must reach, in the order of the page: of radio buttons of one name one.
const controls = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary, audio[controls], video[controls], [tabindex]")].filter((e) =>
	e.tabIndex >= 0 && !e.disabled && e.checkVisibility({ visibilityProperty: true }) && !(e.type === "radio" && !e.checked && [...document.getElementsByName(e.name)].some((o) => o.checked)))`

// checkKeys presses Tab from the beginning of the page to its end.
func checkKeys(t *testing.T, b *chromium.Browser) {
	t.Helper()
	var want int
	if err := json.Unmarshal([]byte(b.Eval(`(() => {
		document.activeElement?.blur();
		getSelection().removeAllRanges();
		window.tabbed = `+controls+`;
		return window.tabbed.length;
	})()`)), &want); err != nil {
		t.Fatal(err)
	}
	if want < 5 {
		t.Errorf("there are %d controls", want)
	}
	b.Eval("(() => { const first = document.createElement('span'); first.id = 'before'; first.tabIndex = -1; document.body.prepend(first); first.focus(); })()")
	defer b.Eval("document.getElementById('before').remove()")
	for i := range want {
		b.Key("Tab", 9, "")
		got := b.Eval(fmt.Sprintf(`(() => {
			const e = document.activeElement, name = (e) => e && (e.outerHTML.replace(e.innerHTML, "").slice(0, 160) + " " + e.textContent.slice(0, 30)), want = window.tabbed[%d], style = getComputedStyle(e);
			if (e !== want && !(e.type === "radio" && e.name === want.name)) return "Tab reaches " + name(e) + " instead of " + name(want);
			if (style.outlineStyle === "none" && style.boxShadow === "none" && !e.matches("audio, video")) return name(e) + " does not show that it has the focus";
			return "";
		})()`, i))
		if got != "" {
			t.Errorf("control %d of %d: %s", i+1, want, got)
			return
		}
	}
}
