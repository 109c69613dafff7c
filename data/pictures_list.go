package data

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/picture"
)

// PictureFile is a picture that is not read yet.
type PictureFile struct {
	File   string            // to open
	Path   string            // relative to the folder, with slashes, or as the CSV has it
	Label  string            // its class; "" where it has none
	Fields map[string]string // of a CSV file with further columns: what is not empty, by their names

	listed string // file and line of the list that names it; "" where a folder has it
}

// fault is an error about the picture, which names the list that it is from.
func (f *PictureFile) fault(err error) error {
	if err == nil || f.listed == "" {
		return err
	}
	return fmt.Errorf("%s: %w", f.listed, err)
}

// ListPictures lists the pictures of a folder, of any depth and shape, in the order of their paths; or a picture that is named itself; or
// those of a CSV file with a row path,label for each, in its order. In a folder, files count whose names end as those of pictures do, and the
// label is the name of the subfolder that they lie in, at whatever depth; those beside the subfolders have none. Subfolders may be links to
// folders; deeper, such links are not followed. In a CSV file, a header and a byte order mark may come first, and paths are relative to the
// file; with a header path,label and more names, the further columns are Fields.
//
// What is left out of a folder is counted by reason and suffix: files of no format that is read, names that begin with a dot, what other
// programs leave beside pictures (__MACOSX, @eaDir, Thumbs.db), indexes of vectors, links to nothing, empty folders, folders that cannot be opened.
//
// Errors: a source that is not there, or neither a folder nor a regular file; one without pictures, with what was left out; a CSV file's
// rows, by their lines.
func ListPictures(source string) (*PictureListing, error) {
	info, err := os.Stat(source)
	switch {
	case err != nil:
		return nil, fmt.Errorf("pictures: %w", err)
	case info.IsDir():
		return listFolder(source)
	case !info.Mode().IsRegular(): // opening a pipe would wait for its writer
		return nil, fmt.Errorf("%s is not a regular file; it must be a folder of pictures, a picture or a CSV file path,label", source)
	case picture.Names(source):
		name := filepath.Base(source)
		return &PictureListing{Root: filepath.Dir(source), Files: []PictureFile{{File: source, Path: name}}}, nil
	}
	return listCSV(source)
}

// A PictureListing is what a collection of pictures has.
type PictureListing struct {
	Root  string // the folder that Path of a file is relative to
	Files []PictureFile
	Left  LeftOuts
}

// LeftOut counts what was left out of a collection for one reason.
type LeftOut struct {
	Count  int    `json:"count"`
	Suffix string `json:"suffix,omitempty"` // of the files' names, where that is the reason
	Reason string `json:"reason"`
	First  string `json:"first"` // path of the first, relative to the collection
}

// Reasons for which files and folders are left out.
const (
	leftHidden  = "hidden, the name begins with a dot"
	leftForeign = "of another program"
	leftNoFile  = "a link to nothing"
	leftLink    = "a link to a folder, which is not followed"
	leftSpecial = "not a regular file"
	leftEmpty   = "an empty folder"
	leftIndex   = "an index of energo's own"
	leftNoLabel = "without a label"
	leftHeader  = "taken for the header"
)

// foreign are names of what other programs leave beside pictures.
var foreign = []string{"__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "thumbs.db", "ehthumbs.db", "desktop.ini"}

// LeftOuts is all that was left out, in the order of the reasons.
type LeftOuts []LeftOut

// Add counts one more that is left out, by its path.
func (l *LeftOuts) Add(path, suffix, reason string) {
	i, known := slices.BinarySearchFunc(*l, LeftOut{Reason: reason, Suffix: suffix}, func(a, b LeftOut) int {
		return cmp.Or(strings.Compare(a.Reason, b.Reason), strings.Compare(a.Suffix, b.Suffix))
	})
	if !known {
		*l = slices.Insert(*l, i, LeftOut{Suffix: suffix, Reason: reason, First: path})
	}
	(*l)[i].Count++
}

// Labelled is the listing without the pictures that have no label, which are counted among what is left out.
//
// Errors: none has one.
func (l *PictureListing) Labelled() (*PictureListing, error) {
	out := &PictureListing{Root: l.Root, Left: slices.Clone(l.Left)}
	for _, f := range l.Files {
		if f.Label == "" {
			out.Left.Add(f.Path, "", leftNoLabel)
			continue
		}
		out.Files = append(out.Files, f)
	}
	if first := l.Files[0]; out.Files == nil && first.listed != "" {
		return nil, fmt.Errorf("%s: the label is empty, and so is that of every other picture", first.listed)
	}
	if out.Files == nil {
		return nil, fmt.Errorf("none of the %d pictures in %s has a label: the label is the name of the subfolder that a picture lies in", len(l.Files), l.Root)
	}
	return out, nil
}

// notRead is the reason for files whose names end otherwise than those of pictures.
const notRead = "not of a format that is read (" + picture.Formats + ")"

// isIndex reports whether a folder's entries are those of an index of vectors.
func isIndex(entries []fs.DirEntry) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name && e.Type().IsRegular() })
	}
	return has("index.json") && has("lock")
}

func listFolder(dir string) (*PictureListing, error) {
	l := &PictureListing{Root: dir}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		label := ""
		if e.IsDir() || linksToFolder(dir, e) {
			label = e.Name()
		}
		l.walk(e.Name(), label, e)
	}
	if l.Files == nil {
		return nil, fmt.Errorf("%s has no pictures%s", dir, l.Left.instead())
	}
	return l, nil
}

// linksToFolder reports whether an entry is a link to a folder.
func linksToFolder(dir string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := os.Stat(filepath.Join(dir, e.Name()))
	return err == nil && info.IsDir()
}

// Lines says what was left out, a line for each reason.
func (l LeftOuts) Lines() (lines []string) {
	for len(l) > 0 {
		n := 1
		for n < len(l) && l[n].Reason == l[0].Reason {
			n++
		}
		lines = append(lines, line(l[:n]))
		l = l[n:]
	}
	return lines
}

// line says what was left out for one reason, the most frequent suffixes first.
func line(same LeftOuts) string {
	count := 0
	var suffixes []string
	for _, o := range slices.SortedStableFunc(slices.Values(same), func(a, b LeftOut) int { return b.Count - a.Count }) {
		count += o.Count
		suffixes = append(suffixes, fmt.Sprintf("%d %s", o.Count, cmp.Or(excerpt.Line(excerpt.Of(o.Suffix)), "without a suffix")))
	}
	text := fmt.Sprintf("%s: %d", same[0].Reason, count)
	if len(same) > 1 || same[0].Suffix != "" {
		text = same[0].Reason + ": " + strings.Join(suffixes, ", ")
	}
	first := excerpt.Line(excerpt.Of(same[0].First))
	if count > 1 {
		first = "the first: " + first
	}
	return text + " (" + first + ")"
}

// instead says what a collection without pictures has.
func (l LeftOuts) instead() string {
	if l == nil {
		return ""
	}
	return "; left out: " + strings.Join(l.Lines(), "; ")
}

// walk lists what an entry of the folder is, at a path below the root.
func (l *PictureListing) walk(path, label string, e fs.DirEntry) {
	file, name, mode := filepath.Join(l.Root, filepath.FromSlash(path)), e.Name(), e.Type()
	switch {
	case slices.Contains(foreign, strings.ToLower(name)):
		l.Left.Add(path, "", leftForeign)
		return
	case strings.HasPrefix(name, "."):
		l.Left.Add(path, "", leftHidden)
		return
	}
	if mode&fs.ModeSymlink != 0 {
		info, err := os.Stat(file)
		if err != nil {
			l.Left.Add(path, "", leftNoFile)
			return
		}
		if mode = info.Mode().Type(); mode.IsDir() && path != name {
			l.Left.Add(path, "", leftLink)
			return
		}
	}
	switch {
	case mode.IsDir():
		l.walkFolder(path, label)
	case !picture.Names(name):
		l.Left.Add(path, strings.ToLower(filepath.Ext(name)), notRead)
	case !mode.IsRegular():
		l.Left.Add(path, "", leftSpecial)
	default:
		l.Files = append(l.Files, PictureFile{File: file, Path: path, Label: label})
	}
}

func (l *PictureListing) walkFolder(path, label string) {
	entries, err := os.ReadDir(filepath.Join(l.Root, filepath.FromSlash(path)))
	switch at := (*fs.PathError)(nil); {
	case errors.As(err, &at):
		l.Left.Add(path, "", "a folder that cannot be read: "+at.Err.Error())
	case len(entries) == 0:
		l.Left.Add(path, "", leftEmpty)
	case isIndex(entries):
		l.Left.Add(path, "", leftIndex)
		return
	}
	for _, e := range entries {
		l.walk(path+"/"+e.Name(), label, e)
	}
}

// maxRows bounds the rows of a CSV file.
const maxRows = 1 << 24

func listCSV(path string) (*PictureListing, error) {
	l := &PictureListing{Root: filepath.Dir(path)}
	header := []string{"path", "label"}
	first := true
	err := eachRow(path, func(row []string, line int) error {
		begins := first
		first = false
		switch {
		case begins && strings.EqualFold(strings.Join(row[:min(2, len(row))], ","), "path,label"):
			header = row
			return checkHeader(header)
		case len(row) != len(header):
			return fmt.Errorf("it has %d fields; they must be %s", len(row), strings.Join(header, ","))
		}
		f := besideFile(path, row[0], line)
		if begins && !picture.Names(row[0]) && !fileThere(f.File) {
			l.Left.Add(strings.Join(row, ","), "", leftHeader)
			return nil
		}
		if f.Label = row[1]; f.Path == "" {
			return errors.New("the path is empty")
		}
		for i, name := range header[2:] {
			if row[2+i] != "" {
				if f.Fields == nil {
					f.Fields = map[string]string{}
				}
				f.Fields[name] = row[2+i]
			}
		}
		l.Files = append(l.Files, f)
		return nil
	})
	if err == nil && l.Files == nil {
		err = fmt.Errorf("%s lists no pictures%s", path, l.Left.instead())
	}
	return l, err
}

// checkHeader refuses columns of a list that have no name, or one name.
func checkHeader(header []string) error {
	for i, name := range header {
		switch at := slices.Index(header, name); {
		case name == "":
			return fmt.Errorf("column %d of the header has no name", i+1)
		case at < i:
			return fmt.Errorf("columns %d and %d of the header have one name, %q", at+1, i+1, excerpt.Of(name))
		}
	}
	return nil
}

func fileThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// besideFile is a picture whose path is relative to a file that lists it in a line.
func besideFile(list, path string, line int) PictureFile {
	f := PictureFile{File: filepath.FromSlash(path), Path: path, listed: fmt.Sprintf("%s: line %d", list, line)}
	if !filepath.IsAbs(f.File) {
		f.File = filepath.Join(filepath.Dir(list), f.File)
	}
	return f
}

// eachRow calls take with each row of a CSV file, fields without the blanks around them. Errors name the line.
func eachRow(path string, take func(row []string, line int) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := readRows(file, take); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func readRows(r io.Reader, take func(row []string, line int) error) error {
	br := bufio.NewReader(r)
	if mark, _ := br.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = br.Discard(3)
	}
	c := csv.NewReader(br)
	c.FieldsPerRecord, c.ReuseRecord = -1, true
	for n := 0; ; n++ {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := c.FieldPos(0)
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		if n >= maxRows {
			return fmt.Errorf("line %d: more than %d rows", line, maxRows)
		}
		if err := take(slices.Clone(row), line); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}
