package cli

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/search/index"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

// board is the script command "board FILE PLACE": a PNG picture with a bright bar in one of four places, as those of
// writeDigits have.
func board(ts *testscript.TestScript, _ bool, args []string) {
	place, err := strconv.Atoi(args[1])
	ts.Check(err)
	m := image.NewGray(image.Rect(0, 0, 24, 24))
	for y := range 24 {
		for x := range 24 {
			v := uint8(70)
			if y/6 == place {
				v = 150
			}
			m.SetGray(x, y, color.Gray{Y: v})
		}
	}
	var b bytes.Buffer
	ts.Check(png.Encode(&b, m))
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
	ts.Check(os.WriteFile(path, b.Bytes(), 0o666))
}

// paint is the script command "paint FILE COLOUR SHARE": a PNG picture in red, green or blue, and white for the rest of ten tenths.
func paint(ts *testscript.TestScript, _ bool, args []string) {
	share, err := strconv.Atoi(args[2])
	ts.Check(err)
	colour, ok := map[string]color.RGBA{"red": {200, 30, 30, 255}, "green": {30, 200, 30, 255}, "blue": {30, 30, 200, 255}}[args[1]]
	if !ok {
		ts.Fatalf("there is no colour %s", args[1])
	}
	m := image.NewRGBA(image.Rect(0, 0, 20, 20))
	for i := range 400 {
		m.Set(i%20, i/20, color.White)
		if i/20 < 2*share {
			m.Set(i%20, i/20, colour)
		}
	}
	var b bytes.Buffer
	ts.Check(png.Encode(&b, m))
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
	ts.Check(os.WriteFile(path, b.Bytes(), 0o666))
}

// address is in what energo serve says.
var address = regexp.MustCompile(`http://[0-9.:]+`)

// fetch is the script command "fetch SAID METHOD PATH [TYPE FILE]": asks the server whose first words are in a
// file, and prints the status and the answer.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 && len(args) != 5 {
		ts.Fatalf("usage: fetch SAID METHOD PATH [TYPE FILE]")
	}
	var body []byte
	if len(args) == 5 {
		var err error
		body, err = os.ReadFile(ts.MkAbs(args[4]))
		ts.Check(err)
	}
	r, err := http.NewRequest(args[1], address.FindString(ts.ReadFile(args[0]))+args[2], bytes.NewReader(body))
	ts.Check(err)
	if len(args) == 5 {
		r.Header.Set("Content-Type", args[3])
	}
	if file := ts.Getenv("TOKEN_FILE"); file != "" {
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(ts.ReadFile(file)))
	}
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d\n%s", answer.StatusCode, text)
}

// TestDroppedIsSaid: commands say what a crash left half written, until it is cut off.
func TestDroppedIsSaid(t *testing.T) {
	dir := t.TempDir()
	x, err := index.Create(dir, index.Options{Dim: 2})
	if err == nil {
		err = x.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs are %v, %v", logs, err)
	}
	whole, err := os.ReadFile(logs[0])
	if err == nil {
		err = os.WriteFile(logs[0], append(whole, "frm"...), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		said bool
	}{
		{[]string{"info", dir}, true},
		{[]string{"list", dir}, true},
		{[]string{"delete", dir, "nobody"}, true}, // which may cut it off
		{[]string{"info", dir}, false},
	} {
		var out, warn strings.Builder
		cmd := newIndex()
		cmd.SetArgs(c.args)
		cmd.SetOut(&out)
		cmd.SetErr(&warn)
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(warn.String(), "dropped 3 bytes at the end of "+filepath.Base(logs[0])); said != c.said {
			t.Errorf("%s says %q", c.args[0], warn.String())
		}
	}
}

// stuck is an index that cannot be closed in order.
type stuck struct{ index.Index }

func (stuck) Close() error { return errors.New("disk full") }

// One who interrupts is told of an index that could not be closed.
func TestCloseAfterInterrupt(t *testing.T) {
	var said bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetErr(&said)
	if err := closeAfter(cmd, stuck{}, errInterrupted); !errors.Is(err, errInterrupted) || said.String() != "energo: disk full\n" {
		t.Errorf("%q is said, error %v", said.String(), err)
	}
	said.Reset()
	if err := closeAfter(cmd, stuck{}, nil); err == nil || said.Len() != 0 {
		t.Errorf("%q is said, error %v", said.String(), err)
	}
}
