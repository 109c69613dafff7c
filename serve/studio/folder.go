package studio

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train"
)

// trashName is the folder, beside the runs, of those that were deleted.
const trashName = ".trash"

// runFiles are those of which a run has at least one.
var runFiles = []string{report.ConfigFile, train.LogFile, report.ResultFile}

// isRun tells whether a folder is one of a run.
func isRun(dir string) bool {
	return slices.ContainsFunc(runFiles, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

// names are the runs of a folder, and those of its folders that are no runs themselves, as SWEEP/RUN.
func names(folder string) ([]string, error) {
	var all []string
	err := eachFolder(folder, func(name string) error {
		if isRun(filepath.Join(folder, name)) {
			all = append(all, name)
			return nil
		}
		err := eachFolder(filepath.Join(folder, name), func(inner string) error {
			if isRun(filepath.Join(folder, name, inner)) {
				all = append(all, name+"/"+inner)
			}
			return nil
		})
		if errors.Is(err, fs.ErrPermission) {
			return nil
		}
		return err
	})
	return all, err
}

// eachFolder does something with the folders in one, but for hidden ones. A folder that is not there has none.
func eachFolder(dir string, do func(name string) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !e.IsDir() && e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		err = cmp.Or(err, do(e.Name()))
	}
	return err
}

// dir is the folder of a run that a client names.
func (s *service) dir(name string) (string, error) {
	parts := strings.Split(name, "/")
	hidden := slices.ContainsFunc(parts, func(p string) bool { return p == "" || strings.HasPrefix(p, ".") })
	if dir := filepath.Join(s.o.Folder, filepath.FromSlash(name)); len(parts) <= 2 && !hidden && filepath.IsLocal(filepath.FromSlash(name)) && isRun(dir) {
		return dir, nil
	}
	return "", wire.Absent("there is no run %q", name)
}
