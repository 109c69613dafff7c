package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/energo-ml/energo/serve/shelf"
	"go.yaml.in/yaml/v3"
)

const (
	// lookEvery is how often a folder of models is looked at.
	lookEvery = 500 * time.Millisecond
	// settleTime is how long the files of a model must stay as they are before they are read: until then they may be half written.
	settleTime = time.Second
	// maxFiles is how many files of a model are looked at.
	maxFiles = 10_000
)

// liveModels follows what is to be served, while it is.
type liveModels struct {
	m       *servedModels
	set     *servedSet
	args    []string
	first   map[string]*servedModel
	log     *slog.Logger
	changed chan struct{} // SIGHUP
	tries   map[string]*try
	said    string // what was wrong with the folder or the configuration
}

// try is what is known of a model that is to be opened, or that was opened last.
type try struct {
	print  string // of its files; "" where they are not there
	since  time.Time
	failed bool // it cannot be opened as it is
}

// again has everything read again. It returns at once.
func (l *liveModels) again() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// watch follows changes until the context ends.
func (l *liveModels) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	named := l.first
	for {
		var forced bool
		select {
		case <-ctx.Done():
			return
		case <-l.changed:
			forced = true
			named = l.reread(named)
		case <-tick.C:
		}
		l.follow(ctx, named, forced)
	}
}

// reread reads the configuration again, and looks at the files of named models. Where it is wrong what was named stays.
func (l *liveModels) reread(before map[string]*servedModel) map[string]*servedModel {
	l.tries = map[string]*try{} // what failed is tried again
	old := l.m.file
	err := error(nil)
	if l.m.config != "" {
		if l.m.file, err = readConfig(l.m.config); err == nil && !sameFrame(l.m.file, old) {
			l.log.Warn("settings of the server are those of its start; models are read again", "file", l.m.config)
		}
	}
	if err == nil {
		var named map[string]*servedModel
		if named, err = l.m.models(l.set.cmd, l.args); err == nil {
			return named
		}
	}
	l.m.file = old
	l.log.Error("what was read before stays", "of", "models", "error", err)
	return before
}

// sameFrame tells whether two files have the same settings of the server.
func sameFrame(a, b *configFile) bool {
	return slices.EqualFunc(a.frame, b.frame, func(x, y *yaml.Node) bool {
		return x.Value == y.Value && slices.EqualFunc(x.Content, y.Content, func(x, y *yaml.Node) bool { return x.Value == y.Value })
	})
}

// follow serves what is to be served now: named models, and what is in the folder. Named ones are looked at when forced is set.
func (l *liveModels) follow(ctx context.Context, named map[string]*servedModel, forced bool) {
	want := maps.Clone(named)
	inFolder, err := entries(l.m.folder)
	l.say(err)
	for name, path := range inFolder {
		if want[name] == nil {
			want[name] = &servedModel{set: l.m.of(path)}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if ctx.Err() != nil {
			return
		}
		if isNamed := named[name] != nil; isNamed && !forced {
			continue
		}
		l.look(ctx, name, want[name], forced && named[name] != nil)
	}
	for _, name := range slices.Sorted(maps.Keys(l.set.models)) {
		if want[name] == nil && err == nil {
			l.gone(name, forced)
		}
	}
	if err == nil {
		l.set.forget(want)
	}
}

// say says once what is wrong.
func (l *liveModels) say(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != l.said && text != "" {
		l.log.Error("the folder of models cannot be read; what was served stays", "error", err)
	}
	l.said = text
}

// entries are the models of a folder, by name.
func entries(folder string) (map[string]string, error) {
	all := map[string]string{}
	if folder == "" {
		return all, nil
	}
	list, err := os.ReadDir(folder)
	for _, e := range list {
		path := filepath.Join(folder, e.Name())
		info, err := os.Stat(path) // through links
		if err != nil || strings.HasPrefix(e.Name(), ".") || !info.IsDir() && !strings.EqualFold(filepath.Ext(path), ".onnx") {
			continue
		}
		name := nameOf(path)
		if shelf.CheckName(name) == nil && all[name] == "" {
			all[name] = path
		}
	}
	return all, err
}

// look opens a model whose files are others than those it was opened from, once they have settled.
func (l *liveModels) look(ctx context.Context, name string, m *servedModel, atOnce bool) {
	m.print, m.info = printOf(m.set.Path)
	now := l.set.models[name]
	if now != nil && now.same(m) {
		delete(l.tries, name)
		return
	}
	t := l.tries[name]
	if t == nil || t.print != m.print {
		t = &try{print: m.print, since: time.Now()}
		l.tries[name] = t
	}
	if t.failed || m.print == "" || !atOnce && time.Since(t.since) < settleTime {
		return
	}
	if err := l.set.load(ctx, name, m); err != nil {
		t.failed = true
		l.log.Error("a model could not be opened; what was served under its name stays", "model", name, "path", m.set.Path, "error", err)
		return
	}
	delete(l.tries, name)
	l.log.Info("a model is served", "model", name, "path", m.set.Path, "kinds", labelsOf(l.set.models[name].kinds))
}

// gone drops a model that is to be served no more, once that has settled: what is replaced by renaming may be away for a moment.
func (l *liveModels) gone(name string, atOnce bool) {
	t := l.tries[name]
	if t == nil || t.print != "" {
		t = &try{since: time.Now()}
		l.tries[name] = t
	}
	if !atOnce && time.Since(t.since) < settleTime {
		return
	}
	l.set.drop(name)
	delete(l.tries, name)
	l.log.Info("a model is served no more", "model", name)
}

// same tells whether a model has the settings and the files of another. An index changes its own files, and has the same as long as its folder is.
func (m *servedModel) same(other *servedModel) bool {
	a, b := m.set, other.set
	a.at, b.at = "", ""
	if !reflect.DeepEqual(a, b) {
		return false
	}
	isIndex := slices.ContainsFunc(m.kinds, func(k kind) bool { return k.label() == "index" })
	if isIndex && m.info != nil && other.info != nil {
		return os.SameFile(m.info, other.info)
	}
	return m.print == other.print
}

// printOf identifies the files of a model by their names, sizes and times: all of a folder but an index in it, or those that
// begin with the name of a file. It is "" where there are none, or too many.
func printOf(path string) (text string, info os.FileInfo) {
	info, err := os.Stat(path)
	if err != nil {
		return "", nil
	}
	var all bytes.Buffer
	n := 0
	add := func(at string, info os.FileInfo) {
		n++
		fmt.Fprintf(&all, "%q %d %d\n", at, info.Size(), info.ModTime().UnixNano())
	}
	if info.IsDir() {
		err = walk(path, 0, add, &n)
	} else {
		err = siblings(path, add)
	}
	if err != nil || n > maxFiles {
		return "", info
	}
	return fmt.Sprintf("%x", sha256.Sum256(all.Bytes())), info
}

// maxDepth bounds folders in folders.
const maxDepth = 8

// walk visits the files of a folder, through links.
func walk(dir string, depth int, add func(string, os.FileInfo), n *int) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		switch {
		case err != nil || *n > maxFiles:
			return err
		case info.Mode().IsRegular():
			add(path, info)
		case info.IsDir() && depth < maxDepth && !(depth == 0 && e.Name() == "index"):
			if err := walk(path, depth+1, add, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// siblings visits a file and those that belong to it: net.onnx, net.onnx.data, net.yaml.
func siblings(path string, add func(string, os.FileInfo)) error {
	stem := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	list, err := fs.Glob(os.DirFS(filepath.Dir(path)), globbed(stem)+".*")
	for _, name := range list {
		if info, err := os.Stat(filepath.Join(filepath.Dir(path), name)); err == nil && info.Mode().IsRegular() {
			add(name, info)
		}
	}
	return err
}

// globbed is a text as a pattern that it alone matches.
func globbed(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(text)
}
