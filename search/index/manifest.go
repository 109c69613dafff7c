package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/loss/distance"
)

// The files of an index's folder, beside the segments and the log, which are numbered.
const (
	manifestName = "index.json"
	lockName     = "lock"
)

const manifestVersion = 3

// The names of segments and logs, and of any of our files that is being written. They are no other program's: what
// is not named is removed.
var (
	numbered = regexp.MustCompile(`^energo-\d{8,}\.(segment|log)$`)
	partial  = regexp.MustCompile(`^\.(energo-\d{8,}\.(segment|log)|index\.json)\.[0-9a-f]{8}\.partial$`)
)

func segmentName(number int) string { return fmt.Sprintf("energo-%08d.segment", number) }
func logName(number int) string     { return fmt.Sprintf("energo-%08d.log", number) }

// manifest says what belongs to the index. It is replaced as a whole.
type manifest struct {
	Version  int              `json:"version"`
	Dim      int              `json:"dim"`
	Metric   distance.Kind    `json:"metric"`
	Storage  Storage          `json:"storage"`
	Encoder  string           `json:"encoder,omitempty"`
	Segments []segmentOfIndex `json:"segments"`
	Log      string           `json:"log"`
	LogSize  int64            `json:"log_size"` // bytes that the log had when the index was last closed
	Next     int              `json:"next"`     // number of the next file
	Sum      uint32           `json:"sum"`      // of this text with a 0 here
}

type segmentOfIndex struct {
	File string `json:"file"`
	Dead []byte `json:"dead,omitempty"` // bits of the rows that are no longer there
}

func (m *manifest) options() Options {
	return Options{Dim: m.Dim, Metric: m.Metric, Storage: m.Storage, Encoder: m.Encoder}
}

// marshal returns the manifest's text with its sum.
func (m *manifest) marshal() ([]byte, error) {
	m.Sum = 0
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	m.Sum = sumOf(b)
	return json.Marshal(m)
}

func (m *manifest) write(dir string) error {
	b, err := m.marshal()
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, manifestName), append(b, '\n'))
}

func readManifest(dir string) (*manifest, error) {
	path := filepath.Join(dir, manifestName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		entries, _ := os.ReadDir(dir) // none where there is no folder
		if err := checkLost(dir, entries); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("index: %s has no %s: %w", dir, manifestName, ErrNoIndex)
	}
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	m, err := parseManifest(b)
	if err != nil {
		return nil, fmt.Errorf("index: %s is damaged: %w", path, excerpt.Error(err))
	}
	return m, nil
}

func parseManifest(b []byte) (*manifest, error) {
	m := &manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, err
	}
	if m.Version != manifestVersion {
		return nil, fmt.Errorf("it is of version %d; this program reads %d", m.Version, manifestVersion)
	}
	sum := m.Sum
	again, err := m.marshal()
	if err != nil {
		return nil, err
	}
	if m.Sum != sum || string(again)+"\n" != string(b) {
		return nil, errors.New("it is not what was written")
	}
	o, err := m.options().Check()
	if err != nil {
		return nil, err
	}
	if o != m.options() {
		return nil, errors.New("it leaves out what the index is")
	}
	for _, s := range m.Segments {
		if !numbered.MatchString(s.File) {
			return nil, fmt.Errorf("it names %q, which is not the name of a segment", excerpt.Of(s.File))
		}
	}
	if !numbered.MatchString(m.Log) {
		return nil, fmt.Errorf("it names %q, which is not the name of a log", excerpt.Of(m.Log))
	}
	return m, nil
}

// ours tells whether an entry of a folder is a segment or a log, or one of our files that is being written.
func ours(e fs.DirEntry) bool {
	return e.Type().IsRegular() && (numbered.MatchString(e.Name()) || partial.MatchString(e.Name()))
}

// sweep removes files of ours that the manifest does not name: a crash left them.
func (m *manifest) sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	named := map[string]bool{m.Log: true}
	for _, s := range m.Segments {
		named[s.File] = true
	}
	for _, e := range entries {
		if name := e.Name(); ours(e) && !named[name] {
			removeFile(dir, name)
		}
	}
	return nil
}
