package data

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// listed are paths and labels, and what was left out.
func listed(t *testing.T, source string) (files, left []string) {
	t.Helper()
	l, err := ListPictures(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range l.Files {
		files = append(files, f.Path+"="+f.Label)
		if want := filepath.Join(l.Root, filepath.FromSlash(f.Path)); f.File != want {
			t.Errorf("%s is the file %s, want %s", f.Path, f.File, want)
		}
	}
	return files, l.Left.Lines()
}

// Folders of every shape are listed, and what is left out is counted by its reason.
func TestListPictures(t *testing.T) {
	dir := shelf(t)
	for _, name := range []string{"loose.JPG", "__MACOSX/cat/._d.png", "cat/@eaDir/d.png", "dog/Thumbs.db", ".DS_Store", "cat/a.heic", "dog/b.HEIC", "deep/er/still/x.png", "deep/my.index/index.json", "deep/my.index/lock", "deep/my.index/energo-00000001.log"} {
		place(t, filepath.Join(dir, name), []byte("?"))
	}
	if err := os.MkdirAll(filepath.Join(dir, "dog/none"), 0o777); err != nil {
		t.Fatal(err)
	}
	links := runtime.GOOS != "windows"
	if links {
		for name, to := range map[string]string{"dog/gone.png": "nowhere", "dog/cats": "../cat", "kitten": "cat/deep"} {
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, left := listed(t, dir)
	want := []string{"cat/d.webp=cat", "cat/deep/er/c.jpeg=cat", "deep/er/still/x.png=deep", "dog/a.GIF=dog", "dog/b.png=dog", "kitten/er/c.jpeg=kitten", "loose.JPG="}
	gone := []string{
		"a link to a folder, which is not followed: 1 (dog/cats)",
		"a link to nothing: 1 (dog/gone.png)",
		"an empty folder: 1 (dog/none)",
		"an index of energo's own: 1 (deep/my.index)",
		"hidden, the name begins with a dot: 4 (the first: .DS_Store)",
		notRead + ": 2 .heic, 1 without a suffix, 1 .txt (the first: README)",
		"of another program: 3 (the first: __MACOSX)",
	}
	if !links {
		want, gone = append(want[:5:5], want[6]), gone[2:]
	}
	if !reflect.DeepEqual(files, want) {
		t.Errorf("pictures %q, want %q", files, want)
	}
	if !reflect.DeepEqual(left, gone) {
		t.Errorf("left out:\n%s\nwant\n%s", strings.Join(left, "\n"), strings.Join(gone, "\n"))
	}

	if files, _ := listed(t, filepath.Join(dir, "cat/deep/er")); !reflect.DeepEqual(files, []string{"c.jpeg="}) {
		t.Errorf("of a flat folder: %q", files)
	}
	if files, _ := listed(t, filepath.Join(dir, "dog/b.png")); !reflect.DeepEqual(files, []string{"b.png="}) {
		t.Errorf("of one picture: %q", files)
	}
	l, err := ListPictures(dir)
	if err != nil {
		t.Fatal(err)
	}
	labelled, err := l.Labelled()
	if err != nil || len(labelled.Files) != len(want)-1 || len(labelled.Left) != len(l.Left)+1 || l.Files[len(l.Files)-1].Path != "loose.JPG" {
		t.Errorf("labelled: %+v, %v", labelled, err)
	}
}

// A folder that cannot be opened is counted with the reason, whatever else there is.
func TestListClosedFolder(t *testing.T) {
	dir := shelf(t)
	closed := filepath.Join(dir, "dog")
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(closed, 0o777) })
	if _, err := os.ReadDir(closed); err == nil {
		t.Skip("this user opens every folder")
	}
	files, left := listed(t, dir)
	if len(files) != 2 || !strings.Contains(strings.Join(left, "\n"), "a folder that cannot be read: permission denied: 1 (dog)") {
		t.Errorf("%q, left out %q", files, left)
	}
}

// A list may have a header of any names, and further columns, which are fields.
func TestListColumns(t *testing.T) {
	dir := shelf(t)
	list := filepath.Join(dir, "list.csv")
	place(t, list, []byte("path,label,colour,year\ndog/b.png,dog,brown,\ncat/d.webp,,,2020\n"))
	l, err := ListPictures(list)
	if err != nil || len(l.Files) != 2 || l.Root != dir {
		t.Fatalf("%+v, %v", l, err)
	}
	if f := l.Files; f[0].Label != "dog" || !reflect.DeepEqual(f[0].Fields, map[string]string{"colour": "brown"}) ||
		f[1].Label != "" || !reflect.DeepEqual(f[1].Fields, map[string]string{"year": "2020"}) {
		t.Errorf("%+v", l.Files)
	}
	place(t, list, []byte("filename,class\ndog/b.png,dog\n"))
	if l, err = ListPictures(list); err != nil || len(l.Files) != 1 || len(l.Left) != 1 || l.Left[0].First != "filename,class" {
		t.Errorf("%+v, %v", l, err)
	}
}
