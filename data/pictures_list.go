package data

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// PictureFile is a picture that is not read yet.
type PictureFile struct {
	File  string // to open
	Path  string // relative to the folder, with slashes, or as the CSV has it
	Label string // its class

	listed string // file and line of the list that names it; "" where a folder has it
}

// fault is an error about the picture, which names the list that it is from.
func (f *PictureFile) fault(err error) error {
	if err == nil || f.listed == "" {
		return err
	}
	return fmt.Errorf("%s: %w", f.listed, err)
}

// ListPictures lists the pictures of a folder that has a subfolder for each class, in the order of
// their paths, or of a CSV file with a row path,label for each, in its order; a header path,label
// and a byte order mark may come first, and paths are relative to the file. In a folder, files
// count whose names end as those of PNG, JPEG, GIF and WebP do; they may lie deeper
// than the class's folder; names that begin with a dot are passed over.
func ListPictures(source string) ([]PictureFile, error) {
	info, err := os.Stat(source)
	switch {
	case err != nil:
		return nil, fmt.Errorf("pictures: %w", err)
	case info.IsDir():
		return listFolder(source)
	case !info.Mode().IsRegular(): // opening a pipe would wait for its writer
		return nil, fmt.Errorf("%s is not a regular file; it must be a folder of pictures or a CSV file path,label", source)
	}
	return listCSV(source)
}

func listFolder(dir string) (all []PictureFile, err error) {
	classes, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	loose := ""
	for _, class := range classes {
		name := class.Name()
		info, err := os.Stat(filepath.Join(dir, name)) // a class may be a link to a folder
		switch {
		case strings.HasPrefix(name, "."):
			continue
		case err != nil:
			return nil, err
		case !info.IsDir():
			if isPicture(name) {
				loose = name
			}
			continue
		}
		pictures, err := listClass(dir, name)
		if err != nil {
			return nil, err
		}
		if len(pictures) == 0 {
			return nil, fmt.Errorf("%s has no pictures (PNG, JPEG, GIF, WebP); every folder of a class needs some", filepath.Join(dir, name))
		}
		all = append(all, pictures...)
	}
	switch {
	case loose != "":
		return nil, fmt.Errorf("%s lies in no class: %s must have a subfolder for each class, and all pictures in those", loose, dir)
	case all == nil:
		return nil, fmt.Errorf("%s has no subfolders with pictures; it must have one for each class", dir)
	}
	return all, nil
}

// listClass lists the pictures below the folder of a class.
func listClass(dir, class string) (all []PictureFile, err error) {
	root, err := filepath.EvalSymlinks(filepath.Join(dir, class))
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != root && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir() || !isPicture(e.Name()):
			return nil
		}
		below, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		all = append(all, PictureFile{File: path, Path: filepath.ToSlash(filepath.Join(class, below)), Label: class})
		return nil
	})
	return all, err
}

// maxRows bounds the rows of a CSV file.
const maxRows = 1 << 24

func listCSV(path string) (all []PictureFile, err error) {
	err = eachRow(path, 2, "path,label", func(row []string, line int) error {
		f := besideFile(path, row[0], line)
		if f.Label = row[1]; f.Path == "" || f.Label == "" {
			return errors.New("the path or the label is empty")
		}
		all = append(all, f)
		return nil
	})
	if err == nil && all == nil {
		err = fmt.Errorf("%s lists no pictures", path)
	}
	return all, err
}

// besideFile is a picture whose path is relative to a file that lists it in a line.
func besideFile(list, path string, line int) PictureFile {
	f := PictureFile{File: filepath.FromSlash(path), Path: path, listed: fmt.Sprintf("%s: line %d", list, line)}
	if !filepath.IsAbs(f.File) {
		f.File = filepath.Join(filepath.Dir(list), f.File)
	}
	return f
}

// eachRow calls take with each row of a CSV file, fields without the blanks around them. A first row that
// is the header itself is passed over. Errors name the line.
func eachRow(path string, fields int, header string, take func(row []string, line int) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := readRows(file, fields, header, take); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func readRows(r io.Reader, fields int, header string, take func(row []string, line int) error) error {
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
		switch {
		case n == 0 && strings.EqualFold(strings.Join(row, ","), header):
			continue
		case n >= maxRows:
			return fmt.Errorf("line %d: more than %d rows", line, maxRows)
		case len(row) != fields:
			return fmt.Errorf("line %d has %d fields; they must be %s", line, len(row), header)
		}
		if err := take(slices.Clone(row), line); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}
