package embedcli

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/cmd/energo-embed/internal/pipeline"
	"github.com/energo-ml/energo/cmd/energo/cli"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"energo": func() { os.Exit(cli.Energo().Main(os.Args[1:], os.Stdout, os.Stderr)) },
		"energo-embed": func() {
			pipeline.Worker(os.Args[1:])
			os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs the command as a user would.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			return draw(filepath.Join(e.WorkDir, "photos"), 20)
		},
	})
}

// draw makes a folder of two classes of n pictures each: a bright bar that stands or lies.
func draw(dir string, n int) error {
	for i := range 2 * n {
		m := image.NewGray(image.Rect(0, 0, 16, 16))
		for j := range 16 {
			x, y := j, 2+i/2%12
			if i%2 == 1 {
				x, y = y, x
			}
			m.SetGray(x, y, color.Gray{Y: 255})
		}
		class := filepath.Join(dir, []string{"lies", "stands"}[i%2])
		if err := os.MkdirAll(class, 0o777); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(class, fmt.Sprintf("%02d.png", i/2)))
		if err != nil {
			return err
		}
		if err := png.Encode(f, m); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
