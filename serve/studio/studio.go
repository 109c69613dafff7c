package studio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/energo-ml/energo/serve"
)

// Options say what is served.
type Options struct {
	Folder string // of the runs, each a folder in it; it may come later
}

// service is the studio over one folder.
type service struct {
	*serve.Server
	o       Options
	roster  *roster
	cache   *cache
	lessons lessons
	films   films
}

// Mount has a server answer as the studio of a folder of runs. Errors: a Folder that is a file.
func Mount(server *serve.Server, o Options) error {
	if o.Folder == "" {
		return errors.New("serve/studio: no Folder")
	}
	if info, err := os.Stat(o.Folder); err == nil && !info.IsDir() {
		return fmt.Errorf("serve/studio: %s is a file; want the folder of the runs", o.Folder)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("serve/studio: %w", err)
	}
	server.Mount(&service{Server: server, o: o, roster: &roster{folder: o.Folder}, cache: newCache(cacheMost)})
	return nil
}

// Name is that of the service for /readyz.
func (*service) Name() string { return "studio" }

// Ready is always so: a folder without runs is shown as that.
func (*service) Ready(context.Context) error { return nil }

// Close has nothing to end: what works is part of a request.
func (*service) Close() {}
