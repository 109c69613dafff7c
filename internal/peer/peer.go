// Package peer runs programs beside ours that benchmarks compare with: other systems in Python, which answer a line of JSON with one.
package peer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Python looks for a command along PATH and returns the path of the first that imports a module: a machine often has several Pythons. A command with a folder is taken as it is.
func Python(command, module string) (path string, err error) {
	candidates := []string{command}
	if filepath.Base(command) == command {
		candidates = nil
		for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
			candidates = append(candidates, filepath.Join(dir, command))
		}
	}
	for _, c := range candidates {
		if exec.Command(c, "-c", "import "+module).Run() == nil {
			return c, nil
		}
	}
	return "", fmt.Errorf("no %s can import %s", command, module)
}

// Scripts writes files to a folder of their own, which the caller removes.
func Scripts(files fs.FS) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "energo-bench-"); err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, files); err != nil {
		os.RemoveAll(dir)
		return "", err
	}
	return dir, nil
}

// A Process is a program at work.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// Start starts a command. Its errors go to ours.
func Start(cmd *exec.Cmd) (*Process, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &Process{cmd, in, bufio.NewReader(out)}, nil
}

// Ask writes a request and reads its answer.
//
// Errors: a program that has stopped; an answer that is no JSON.
func (p *Process) Ask(request, answer any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s stopped: %w", filepath.Base(p.cmd.Path), err)
	}
	return p.Answer(answer)
}

// Answer reads an answer, such as one that a program begins with.
func (p *Process) Answer(answer any) error {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s stopped: %w", filepath.Base(p.cmd.Path), err)
	}
	if err := json.Unmarshal(line, answer); err != nil {
		return fmt.Errorf("%s answers %q: %w", filepath.Base(p.cmd.Path), excerpt.Of(line), err)
	}
	return nil
}

// Kill ends it.
func (p *Process) Kill() {
	p.in.Close()
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()
}
