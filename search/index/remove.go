package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Remove takes an index away, also a damaged one and what a Remove that was killed left. With it go files of the
// caller's in the same folder, which also names, and the folder itself. Where that has anything else, nothing is
// removed.
func Remove(dir string, also ...string) error {
	if _, err := filesOf(dir, also); err != nil {
		return err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return err
	}
	files, err := filesOf(dir, also) // now nobody else can be at it
	if err == nil {
		err = removeAll(dir, files)
	}
	if err != nil {
		lock.Close()
		return err
	}
	held := os.Remove(lock.Name())
	err = lock.Close()
	if held != nil { // Windows removes no file that is open
		err = errors.Join(err, os.Remove(lock.Name()))
	}
	if info, failed := os.Lstat(dir); failed == nil && info.IsDir() {
		_ = os.Remove(dir) // an empty folder does no harm
	}
	return err
}

func removeAll(dir string, names []string) error {
	for _, name := range names {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("index: %w", err)
		}
	}
	return nil
}

// filesOf lists the files of an index's folder but the lock: the manifest first, without which there is no index,
// and last those by which it is known to have been one.
func filesOf(dir string, also []string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("index: %w", err)
	}
	var first, callers, numbers []string
	other := ""
	for _, e := range entries {
		name := e.Name()
		switch {
		case e.Type().IsRegular() && name == manifestName:
			first = append(first, name)
		case ours(e):
			numbers = append(numbers, name)
		case e.Type().IsRegular() && slices.ContainsFunc(also, func(a string) bool { return name == a || partOf(name, a) }):
			callers = append(callers, name)
		case !e.Type().IsRegular() || name != lockName:
			other = name
		}
	}
	switch {
	case first == nil && numbers == nil:
		return nil, fmt.Errorf("index: nothing to remove in %s: %w", dir, ErrNoIndex)
	case other != "":
		return nil, fmt.Errorf("index: %s has %q, which is not a file of an index; move it away first (%w)", dir, other, fs.ErrExist)
	}
	return slices.Concat(first, callers, numbers), nil
}

// partOf tells whether name is that of a file that was being written when its writer was killed.
func partOf(name, file string) bool {
	return strings.HasPrefix(name, "."+file+".") && strings.HasSuffix(name, ".partial")
}
