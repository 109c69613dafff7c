package studio

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/internal/notices"
	"github.com/energo-ml/energo/serve/internal/pages"
	"github.com/energo-ml/energo/serve/studio/answer"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train"
)

//go:generate sh wasm/build.sh

// program is energo for a page without a server, and the script that starts it.
//
//go:embed wasm/energo.wasm.gz wasm/wasm_exec.js
var program embed.FS

// Site says what a site without a server shows.
type Site struct {
	Folder string   // of the runs
	Runs   []string // as the studio names them; nil is all that the folder has
}

// Exported is what a site has.
type Exported struct {
	Runs  int
	Films int // runs that have surfaces
	Files int
	Bytes int64
	Notes []string // what of the runs could not be taken along
}

// pointsExported is at most about how many points a curve of a site has.
const pointsExported = 600

// Export writes the studio of some runs as a site of files, which any server of files shows: the views that work without a server of ours, with
// what they ask about the runs as files, and the rest computed in the browser by energo as WebAssembly. Addresses are relative, so that the
// site may be in any folder. dir appears whole or not at all.
//
// Errors: a dir that is a file, or that holds something; a Folder that is not there; a run that is not in it, or named twice.
func Export(dir string, site Site) (*Exported, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := vacant(dir); err != nil {
		return nil, err
	}
	runs, err := site.runs()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return nil, err
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(part)
	e := &exporter{dir: part, made: map[string]bool{}, Exported: Exported{Runs: len(runs)}}
	if err = e.page(time.Now()); err == nil {
		err = e.data(site.Folder, runs)
	}
	if err == nil {
		err = os.Chmod(part, 0o755) // a temporary folder is its owner's alone
	}
	if err != nil {
		return nil, err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.Rename(part, dir); err != nil {
		return nil, err
	}
	return &e.Exported, nil
}

// vacant refuses a folder that holds something.
func vacant(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is a file; want a folder that is not there yet, or is empty", dir)
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is there already, and is not empty; want a folder that is not there yet, or is empty", dir)
	}
	return err
}

// runs are those that the site shows.
func (s *Site) runs() ([]string, error) {
	if info, err := os.Stat(s.Folder); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is a file; want the folder of the runs", s.Folder)
	}
	all, err := names(s.Folder)
	if err != nil || s.Runs == nil {
		return all, err
	}
	for i, name := range s.Runs {
		if !isOf(name, all) {
			return nil, fmt.Errorf("there is no run %q in %s", name, s.Folder)
		}
		if isOf(name, s.Runs[:i]) {
			return nil, fmt.Errorf("the run %q is named twice", name)
		}
	}
	return s.Runs, nil
}

// exporter writes the files of a site.
type exporter struct {
	Exported
	dir  string
	made map[string]bool // folders
}

// file writes one, by its path in the site.
func (e *exporter) file(name string, text []byte) error {
	to := filepath.Join(e.dir, filepath.FromSlash(name))
	if parent := filepath.Dir(to); !e.made[parent] {
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return err
		}
		e.made[parent] = true
	}
	e.Files++
	e.Bytes += int64(len(text))
	return os.WriteFile(to, text, 0o644)
}

// page writes the page, and what computes for it.
func (e *exporter) page(now time.Time) error {
	// GitHub Pages has its files made over by Jekyll without this one.
	if err := e.file(".nojekyll", nil); err != nil {
		return err
	}
	if err := e.file("studio/notices.txt", []byte(notices.Text)); err != nil {
		return err
	}
	p := studioPage()
	p.Fill = func(text []byte) []byte { return siteIndex(text, now) }
	err := p.Each(func(name string, text []byte) error {
		if name == pages.IndexFile {
			return e.file(name, text)
		}
		return e.file("studio/"+name, text)
	})
	for _, name := range []string{"wasm/energo.wasm.gz", "wasm/wasm_exec.js"} {
		text, failed := program.ReadFile(name)
		if err = cmp.Or(err, failed); err == nil {
			err = e.file("studio/"+name, text)
		}
	}
	return err
}

// sitePolicy is the content security policy of a site, which its servers do not send. What frames a page may be in only a header can say.
var sitePolicy = strings.TrimSuffix(contentPolicy, "; frame-ancestors 'none'")

// siteIndex is the page's index.html for a site: it has the policy, says that there is no server, and tells who opens it as a file why it stays empty.
func siteIndex(text []byte, now time.Time) []byte {
	const head, view = `<meta charset="utf-8">`, `<div id="view"></div>`
	if bytes.Count(text, []byte(head)) != 1 || bytes.Count(text, []byte(view)) != 1 {
		panic("studio: index.html has changed") // it is part of the program
	}
	return []byte(strings.NewReplacer(
		head, head+"\n"+`<meta http-equiv="Content-Security-Policy" content="`+sitePolicy+`">`+"\n"+`<meta name="studio-site" content="`+now.UTC().Format(time.DateOnly)+`">`,
		view, `<div id="view"><p id="unserved" class="panel">This page does not work when it is opened as a file: browsers load modules and WebAssembly from servers alone. Any server of files will do, as <code>python3 -m http.server</code> in the folder of the page.</p></div>`,
	).Replace(string(text)))
}

// data writes the answers about runs: the list, the curves of number i in data/i, and its films.
func (e *exporter) data(folder string, runs []string) error {
	list, filmed := []*summary{}, []string{}
	for i, name := range runs {
		dir, at := filepath.Join(folder, filepath.FromSlash(name)), "data/"+strconv.Itoa(i)
		list = append(list, look(dir, name, nil).run)
		if err := e.curves(dir, at); err != nil {
			return err
		}
		films, states, err := new(films).of(dir)
		if p := wire.Of(err); err != nil && p.Code == wire.CodeAbsent {
			continue
		} else if err != nil {
			e.Notes = append(e.Notes, name+": "+err.Error())
			continue
		}
		if err := e.films(at, films, answerOfFilms{shownFilms(films, states), standing{Collapsed: list[i].Collapse}}); err != nil {
			return err
		}
		filmed = append(filmed, name)
	}
	e.Films = len(filmed)
	if err := e.file("data/surfaces.json", wire.Encode(map[string]any{"runs": filmed})); err != nil {
		return err
	}
	return e.file("data/runs.json", wire.Encode(answerOf(list)))
}

// sitedCurve is a curve along one of byKeys.
type sitedCurve struct {
	X answer.Numbers `json:"x"`
	Y answer.Numbers `json:"y"`
}

// curves writes those of a run, a file for each number.
func (e *exporter) curves(dir, at string) error {
	s, err := newSeries().read(filepath.Join(dir, train.LogFile))
	if err != nil {
		return err
	}
	for _, of := range slices.Concat(stepKeys, epochKeys) {
		from, along := s.of(of), map[string]sitedCurve{}
		for _, by := range byKeys {
			x, y := thin(from[by], from[of], pointsExported)
			along[by] = sitedCurve{x, y}
		}
		if err := e.file(at+"/"+of+".json", wire.Encode(along)); err != nil {
			return err
		}
	}
	return nil
}

// films writes those of a run as one file, and what is said of them.
func (e *exporter) films(at string, films []surface.Film, about answerOfFilms) error {
	if err := e.file(at+"/films.json", wire.Encode(about)); err != nil {
		return err
	}
	to := filepath.Join(e.dir, filepath.FromSlash(at))
	if err := surface.Write(to, films); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(to, surface.File))
	if err == nil {
		e.Files++
		e.Bytes += info.Size()
	}
	return err
}
