package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// A corpus is the files that a command does, one after the other.
type corpus struct {
	files     []spokenFile
	out, warn io.Writer
	json      bool
	progress  *progress
	journal   *journal // nil: an interrupted command cannot be resumed
	ctx       context.Context
}

// newCorpus returns files whose results go to stdout, and how far it is to stderr.
func newCorpus(cmd *cobra.Command, files []spokenFile, asJSON bool) *corpus {
	p := newProgress(cmd.ErrOrStderr(), len(files) < 2)
	return &corpus{files: files, out: behindBar{cmd.OutOrStdout(), p}, warn: behindBar{cmd.ErrOrStderr(), p}, json: asJSON, progress: p, ctx: cmd.Context()}
}

// behindBar writes lines where a bar is shown: it is cleared before, and drawn again with the next file.
type behindBar struct {
	io.Writer
	p *progress
}

func (b behindBar) Write(text []byte) (int, error) {
	if b.p.bar != nil {
		_ = b.p.bar.Clear()
	}
	return b.Writer.Write(text)
}

// run does all files, those that an earlier command has done by again, and then finish, unless it is interrupted.
func (c *corpus) run(do func(f spokenFile) error, again func(f spokenFile, h wasHeard) error, finish func() error) error {
	err := c.each(do, again)
	c.progress.end()
	err = errors.Join(err, c.journal.close())
	if c.ctx.Err() != nil {
		return err
	}
	return errors.Join(err, finish())
}

// each does one file after the other. A file that fails is reported, on out, too, where that is of JSON lines, and the
// others are still done; the error then says how many failed.
func (c *corpus) each(do func(f spokenFile) error, again func(f spokenFile, h wasHeard) error) error {
	failed := 0
	for i, f := range c.files {
		if c.ctx.Err() != nil {
			return c.interrupted(i)
		}
		c.progress.count("files", i, len(c.files))
		err := c.journal.do(f, do, again)
		if err == nil {
			continue
		}
		failed++
		fmt.Fprintf(c.warn, "energo: %v\n", err)
		if err := printJSON(c.out, fileError{f.path, err.Error()}, c.json); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s could not be read", failed, counted(len(c.files), "file", "files"))
	}
	return nil
}

// interrupted says how to resume.
func (c *corpus) interrupted(done int) error {
	if c.journal == nil {
		return context.Canceled
	}
	c.progress.end()
	fmt.Fprintf(c.warn, "energo: interrupted after %d of %s; the same command with --resume continues\n", done, counted(len(c.files), "file", "files"))
	return errInterrupted
}

// fileError is a line of --json for a file that can't be read.
type fileError struct {
	File  string `json:"file"`
	Error string `json:"error"`
}
