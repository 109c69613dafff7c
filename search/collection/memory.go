package collection

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/bytetext"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/search/index"
)

// MemoryFile is the file of an index's folder that has its Memory.
const MemoryFile = "run.json"

// A Memory is what the folder of an index remembers of where its vectors and pictures are from.
type Memory struct {
	Run     string            // the run's folder, or the model's file or folder, that made the vectors; "" is unknown
	Builtin string            // the name of a built-in encoder that made them, instead of Run
	Roots   map[string]string // the folder of each collection's pictures, absolute, by the collection's name
}

// memoryContent is the content of MemoryFile. Paths are relative to the index's folder where that lies in what they name.
type memoryContent struct {
	Run     bytetext.String            `json:"run,omitempty"`
	Builtin string                     `json:"builtin,omitempty"`
	Roots   map[string]bytetext.String `json:"roots,omitempty"`
}

// ReadMemory returns what the index in a folder remembers: nothing where there is no memory.
//
// Errors name the file.
func ReadMemory(dir string) (Memory, error) {
	path := filepath.Join(dir, MemoryFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Memory{}, nil
	}
	if err != nil {
		return Memory{}, err
	}
	var c memoryContent
	if err := card.Decode(text, &c); err != nil {
		return Memory{}, fmt.Errorf("%s: %w", path, err)
	}
	home, err := filepath.Abs(dir)
	if err != nil {
		return Memory{}, err
	}
	m := Memory{Run: fromHome(home, c.Run), Builtin: c.Builtin}
	for name, root := range c.Roots {
		m.setRoot(name, fromHome(home, root))
	}
	return m, nil
}

// Write puts the memory into the folder of an index.
func (m Memory) Write(dir string) error {
	home, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	c := memoryContent{Builtin: m.Builtin}
	if c.Run, err = atHome(home, m.Run); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(m.Roots)) {
		root := m.Roots[name]
		if c.Roots == nil {
			c.Roots = map[string]bytetext.String{}
		}
		if c.Roots[name], err = atHome(home, root); err != nil {
			return err
		}
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, MemoryFile), append(text, '\n'))
}

// atHome is a path as the index in the folder home keeps it: relative where the index lies in it, so that both can be moved together.
func atHome(home, path string) (bytetext.String, error) {
	if path == "" {
		return "", nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if inside, err := filepath.Rel(path, home); err == nil && filepath.IsLocal(inside) {
		if path, err = filepath.Rel(home, path); err != nil {
			return "", err
		}
	}
	return bytetext.String(filepath.ToSlash(path)), nil
}

// fromHome is the reverse of atHome.
func fromHome(home string, kept bytetext.String) string {
	path := filepath.FromSlash(string(kept))
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(home, path)
}

func (m *Memory) setRoot(name, root string) {
	if m.Roots == nil {
		m.Roots = map[string]string{}
	}
	m.Roots[name] = root
}

// Keep notes the folder of a collection that the index is to be filled with. before is the folder that the collection had, where it
// is another: its pictures have moved.
//
// Errors: a collection of that name in another folder, which is still there (ErrTaken).
func (m *Memory) Keep(c *Collection) (before string, err error) {
	if c.Root == "" {
		return "", nil
	}
	before, known := m.Roots[c.Name]
	if !known || before == c.Root || sameFolder(before, c.Root) {
		m.setRoot(c.Name, c.Root)
		return "", nil
	}
	if _, err := os.Stat(before); err == nil {
		return "", fmt.Errorf("the index has pictures of a collection %q already, in %s, not %s; %w", c.Name, excerpt.Line(before), excerpt.Line(c.Root), ErrTaken)
	}
	m.setRoot(c.Name, c.Root)
	return before, nil
}

func sameFolder(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// Move notes the folder that the pictures of a collection are in now; name may be empty where the index has those of one collection
// alone.
//
// Errors: a name that the index does not have, an empty one where it has several, a folder that is not there.
func (m *Memory) Move(name, dir string) (collection, before string, err error) {
	names := slices.Sorted(maps.Keys(m.Roots))
	switch {
	case len(names) == 0:
		return "", "", errors.New("the index remembers no folder of pictures: its items have absolute paths, or no pictures")
	case name == "" && len(names) > 1:
		return "", "", fmt.Errorf("the index has pictures of several collections, %s; name one", strings.Join(names, ", "))
	case name == "":
		name = names[0]
	case !slices.Contains(names, name):
		return "", "", fmt.Errorf("the index has no collection %q; it has %s", excerpt.Of(name), strings.Join(names, ", "))
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", "", err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", "", err
	}
	if !info.IsDir() {
		return "", "", fmt.Errorf("%s is not a folder", excerpt.Line(dir))
	}
	before = m.Roots[name]
	m.setRoot(name, dir)
	return name, before, nil
}

// Locate returns where the picture of an item is by the item's fields, "" where it has none.
func (m Memory) Locate(fields map[string]string) string {
	at, name := fields[index.PathField], fields[RootField]
	root, known := m.Roots[name]
	switch {
	case at == "" || name == "" || !known:
		return at
	case strings.HasPrefix(at, digitMark) && digitPlace.MatchString(at[len(digitMark):]):
		return root + at
	}
	return filepath.Join(root, filepath.FromSlash(at))
}
