package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/search"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/energo-ml/energo/serve/studio"
	"github.com/spf13/cobra"
)

func newStudio(all []job.Job) *cobra.Command {
	frame, open := frameFlags{log: "text", level: "warn"}, true
	var named, models []string
	var export studioExport
	cmd := &cobra.Command{
		Use: "studio [FOLDER]", Short: "Show the runs in a folder (default runs) in a browser, live", Args: positional(1),
		Long: `Serves a page about the runs in a folder, and opens it in the browser. It reads what the runs write, also while another
process trains them, and asks nothing of the training. By default it listens on this machine only, and asks nobody who they are. An
interrupt ends it.

Its view Hear and read uses the recognisers of speech and of strips among the runs, and those of --model: an ONNX model with its card
(docs/onnx.md), a folder of wav2vec 2.0 or HuBERT, or a run elsewhere.

--export writes a site of files instead, for any web server, as GitHub Pages: runs as they are now with their settings, curves and surfaces, and
small trainings, losses and CTC, which are computed in the browser by energo as WebAssembly. What needs a server is left out.`,
		Example: `  energo studio
  energo studio --model english=wav2vec2-base-960h
  energo studio sweeps/rate --listen 127.0.0.1:0 --open=false
  energo studio --export site --runs parabola-codes-nll-1,parabola-codes-energy-1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "runs"
			if len(args) == 1 {
				dir = args[0]
			}
			if err := export.check(cmd); err != nil {
				return err
			}
			if export.dir != "" {
				return export.run(cmd, dir)
			}
			if err := frame.openLog(cmd); err != nil {
				return err
			}
			at := ""
			if r, err := report.Open(dir); err == nil { // one run: the folder that it is in
				if dir, err = filepath.Abs(dir); err != nil {
					return err
				}
				dir, at = filepath.Dir(dir), pageOf(r.Name)
			}
			if open {
				frame.opened = func(page string) { openBrowser(cmd, page+at) }
			}
			o := studioOptions(cmd, dir, all)
			if err := eachNamed("model", models, func(name, path string) error { o.Models[name] = path; return nil }); err != nil {
				return err
			}
			end, err := openNamed(cmd, &o, named)
			if err != nil {
				return err
			}
			err = frame.run(cmd.Context(), cmd, "see the runs, delete them, and search the indexes", func(s *serve.Server) (string, error) {
				return "the studio of " + shown(dir), studio.Mount(s, o)
			})
			return errors.Join(err, end())
		},
	}
	f := cmd.Flags()
	frame.addListen(f)
	f.BoolVar(&open, "open", true, "open the page in the browser")
	f.StringArrayVar(&named, "index", nil, "index that is searched, as `NAME=PATH`; may be given again")
	f.StringArrayVar(&models, "model", nil, "recogniser of speech or of strips beside those of the runs, as `NAME=PATH`; may be given again")
	export.add(f)
	return cmd
}

// studioOptions are those of the studio of a folder.
func studioOptions(cmd *cobra.Command, dir string, all []job.Job) studio.Options {
	return studio.Options{
		Folder: dir, Jobs: all, Samples: samplesOf(all), Indexes: map[string]search.Options{}, Models: map[string]string{},
		OpenIndex: func(_ context.Context, dir string) (search.Options, error) { return openToSearch(cmd, dir) },
	}
}

// openToSearch opens an index that is only searched.
func openToSearch(cmd *cobra.Command, name string) (search.Options, error) {
	o := search.Options{Private: collection.PrivateFields, ReadOnly: true}
	x, err := openServed(cmd, name, "", &o)
	if err != nil {
		return o, err
	}
	o.Close = x.Close
	return o, nil
}

// openNamed opens the indexes of --index, which end closes.
func openNamed(cmd *cobra.Command, o *studio.Options, named []string) (end func() error, err error) {
	var opened []func() error
	closeAll := func() (err error) {
		for _, closeOne := range opened {
			err = errors.Join(err, closeOne())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll())
		}
	}()
	err = eachNamed("index", named, func(name, path string) error {
		x, err := openToSearch(cmd, path)
		if err != nil {
			return err
		}
		opened = append(opened, x.Close)
		x.Close = nil // whoever ends the server closes it
		o.Indexes[name] = x
		return nil
	})
	if err != nil {
		return nil, err
	}
	return closeAll, nil
}

// eachNamed calls do for each NAME=PATH of a flag.
func eachNamed(flag string, values []string, do func(name, path string) error) error {
	seen := map[string]bool{}
	for _, v := range values {
		name, path, ok := strings.Cut(v, "=")
		if !ok || path == "" {
			return usagef("--%s is %q; it must be NAME=PATH", flag, v)
		}
		if err := shelf.CheckName(name); err != nil {
			return usagef("--%s %s: %w", flag, v, err)
		}
		if seen[name] {
			return usagef("--%s %s comes twice", flag, name)
		}
		seen[name] = true
		if err := do(name, path); err != nil {
			return err
		}
	}
	return nil
}

// pageOf is the address of a run within the page.
func pageOf(run string) string { return "#/run/" + url.PathEscape(run) }

// samplesOf finds the samples of runs of some jobs again.
func samplesOf(all []job.Job) func(ctx context.Context, dir string) (*job.Shown, error) {
	return func(ctx context.Context, dir string) (*job.Shown, error) { return job.Show(ctx, dir, all, job.Env{}) }
}

// studioBeside serves the studio of a run's folder while the run is trained, and opens it. stay waits for the interrupt once the
// run is done, and end stops serving.
func studioBeside(cmd *cobra.Command, all []job.Job, dir string) (stay, end func() error, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	frame := frameFlags{log: "text", level: "warn"}
	if err := frame.openLog(cmd); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	s, err := serve.New(ctx, frame.Options)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	var l net.Listener
	if err = studio.Mount(s, studioOptions(cmd, filepath.Dir(dir), all)); err == nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		cancel()
		s.Close()
		return nil, nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	at := fmt.Sprintf("http://%s/%s", l.Addr(), pageOf(filepath.Base(dir)))
	fmt.Fprintf(cmd.ErrOrStderr(), "the studio is at %s\n", at)
	openBrowser(cmd, at)
	end = func() error {
		cancel()
		return <-ended
	}
	stay = func() error {
		fmt.Fprintf(cmd.ErrOrStderr(), "the studio is served until an interrupt\n")
		<-ctx.Done()
		return nil
	}
	return stay, end, nil
}

// browsers are the programs that open an address as the user has it, by system.
var browsers = map[string][]string{
	"darwin":  {"open"},
	"windows": {"rundll32", "url.dll,FileProtocolHandler"},
}

// openBrowser has the browser show a page; that there is none is said, and no failure.
func openBrowser(cmd *cobra.Command, page string) {
	words, known := browsers[runtime.GOOS]
	if !known {
		words = []string{"xdg-open"}
	}
	opener := exec.CommandContext(context.WithoutCancel(cmd.Context()), words[0], append(words[1:], page)...)
	err := opener.Start()
	if err == nil {
		go func() { _ = opener.Wait() }() // it says itself what it cannot
		return
	}
	if errors.Is(err, exec.ErrNotFound) {
		err = fmt.Errorf("there is no %s", words[0])
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "energo: the browser was not opened: %v (--open=false)\n", err)
}
