package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/internal/peer"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/inference"
)

// modelName is that of the network on all servers.
const modelName = "model"

// address is the line that a server begins with.
type address struct {
	URL string `json:"url"`
}

// side is a server that is measured.
type side struct {
	name string
	address
	cmd *exec.Cmd
	end func()
}

// sides starts the servers of a network.
func (s *settings) sides(dir string, m model) (all []*side, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for _, batch := range s.batches {
		all = append(all, &side{name: fmt.Sprintf("energo, %d joined", batch), cmd: exec.Command(self, "-serve", m.File, "-batch", strconv.Itoa(batch))})
	}
	if s.python != "" {
		all = append(all, &side{name: "FastAPI, onnxruntime", cmd: exec.Command(s.python, filepath.Join(dir, "peer.py"), m.File)})
	}
	for i, one := range all {
		p, err := peer.Start(one.cmd)
		if err == nil {
			one.end = p.Kill
			err = p.Answer(&one.address)
		}
		if err != nil {
			end(all[:i+1])
			return nil, fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return all, nil
}

func end(all []*side) {
	for _, one := range all {
		if one.end != nil {
			one.end()
		}
	}
}

// serveModel is energo's server.
func serveModel(file string, batch int) error {
	net1, err := onnx.Open(file, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server, err := serve.New(ctx, serve.Options{Limits: serve.Limits{Requests: 1024}})
	if err != nil {
		return err
	}
	service, err := inference.Mount(server, "bench")
	if err != nil {
		return err
	}
	wait, err := service.Put(modelName, inference.Model{Net: net1, Batch: batch, Queue: 1024})
	if err == nil {
		err = wait()
	}
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	line, err := json.Marshal(address{"http://" + l.Addr().String()})
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", line)
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		cancel()
	}()
	return server.Serve(ctx, l)
}
