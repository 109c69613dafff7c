package main

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read/readtest"
)

// form is a request for the transcription of a file.
func form(s *settings) (kind string, body []byte, err error) {
	dir, err := os.MkdirTemp("", "energo-bench-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "talk.wav")
	if err := audio.Write(path, audio.Clip{Rate: readtest.Rate, Samples: talk(s.file)}); err != nil {
		return "", nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "talk.wav")
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil && s.beam > 0 {
		err = w.WriteField("beam", fmt.Sprint(s.beam))
	}
	if err == nil {
		err = w.Close()
	}
	return w.FormDataContentType(), b.Bytes(), err
}

// files has n clients send files one after the other, for some time.
func files(s *settings, url string, n int) (result, error) {
	kind, body, err := form(s)
	if err != nil {
		return result{}, err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}
	defer client.CloseIdleConnections()
	var all tally
	var wait sync.WaitGroup
	begin := time.Now()
	end := begin.Add(time.Duration(s.seconds * float64(time.Second)))
	for range n {
		wait.Go(func() {
			for time.Now().Before(end) {
				start := time.Now()
				err := ask(client, url, kind, body)
				all.Lock()
				if all.times = append(all.times, time.Since(start)); err != nil {
					all.failed = append(all.failed, err)
				}
				all.Unlock()
			}
		})
	}
	wait.Wait()
	r := result{Of: "files", At: n, Failed: len(all.failed), Sound: float64(len(all.times)) * s.file / time.Since(begin).Seconds()}
	r.spread(all.times)
	if len(all.failed) > 0 {
		return r, fmt.Errorf("%d of %d requests failed, as by: %w", len(all.failed), r.Count, all.failed[0])
	}
	return r, nil
}

func ask(client *http.Client, url, kind string, body []byte) error {
	answer, err := client.Post(url+"/v1/audio/transcriptions", kind, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", answer.StatusCode, text)
	}
	return err
}
