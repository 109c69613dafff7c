package studio

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/serve/wire"
)

// trashed is a run that was deleted.
type trashed struct {
	ID      string    `json:"id"`
	Run     string    `json:"run"`
	Deleted time.Time `json:"deleted"`
}

// trashTime is when a run was deleted, as its folder's name in the trash begins.
const trashTime = "20060102T150405.000Z"

// parseTrashed reads the name of a folder in the trash: TIME-RUN, in which a slash is written as a percent sign and 2F.
func parseTrashed(id string) (t trashed, ok bool) {
	at, name, cut := strings.Cut(id, "-")
	when, err := time.Parse(trashTime, at)
	return trashed{id, strings.ReplaceAll(name, "%2F", "/"), when}, cut && err == nil
}

// remove moves a run to the trash.
func (s *service) remove(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	dir, err := s.dir(name)
	if err != nil {
		return err
	}
	lock, err := flock.Folder(dir)
	if errors.Is(err, flock.ErrInUse) {
		return wire.Invalid("name", "%s is being trained; stop it first", name)
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	t := trashed{Run: name, Deleted: time.Now().UTC().Truncate(time.Millisecond)}
	t.ID = t.Deleted.Format(trashTime) + "-" + strings.ReplaceAll(name, "/", "%2F")
	if err := os.MkdirAll(filepath.Join(s.o.Folder, trashName), 0o777); err != nil {
		return err
	}
	to := filepath.Join(s.o.Folder, trashName, t.ID)
	if err := os.Rename(dir, to); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(to, flock.File)); err != nil {
		return err
	}
	s.roster.forget()
	wire.WriteJSON(w, http.StatusOK, t)
	return nil
}

// trash lists the runs that were deleted, the latest first.
func (s *service) trash(w http.ResponseWriter, _ *http.Request) error {
	entries, err := os.ReadDir(filepath.Join(s.o.Folder, trashName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	all := []trashed{}
	for i := range entries {
		if t, ok := parseTrashed(entries[len(entries)-1-i].Name()); ok {
			all = append(all, t)
		}
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"trash": all})
	return nil
}

// restore moves a run back from the trash.
func (s *service) restore(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	t, ok := parseTrashed(id)
	from := filepath.Join(s.o.Folder, trashName, id)
	if _, err := os.Lstat(from); !ok || strings.ContainsAny(id, `/\`) || !filepath.IsLocal(t.Run) || err != nil {
		return wire.Absent("there is no %q in the trash", id)
	}
	to := filepath.Join(s.o.Folder, filepath.FromSlash(t.Run))
	if _, err := os.Lstat(to); err == nil {
		return wire.Invalid("id", "there is another run %s now", t.Run)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	s.roster.forget()
	wire.WriteJSON(w, http.StatusOK, t)
	return nil
}
