package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/energo-ml/energo/seq/read/readtest"
)

// talk is sound of some seconds in which a word is said every 0.6 seconds.
func talk(seconds float64) []float32 {
	words := []string{"o", "i", "i", "o", "i"}
	var x []float32
	for float64(len(x)) < seconds*readtest.Rate {
		x = append(x, readtest.Say(words...).Samples...)
	}
	return x[:int(seconds*readtest.Rate)]
}

// pcm is sound as 16-bit samples.
func pcm(x []float32) []byte {
	b := make([]byte, 0, 2*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(v*(1<<15-1))))
	}
	return b
}

// tally is what all streams have told.
type tally struct {
	sync.Mutex
	times  []time.Duration
	failed []error
}

// streams sends sound in real time over n streams at once, and takes the time from when a word's last sample was sent to when the word was told as settled.
func streams(s *settings, url string, n int) (result, error) {
	sound := pcm(talk(s.seconds))
	expected := 0
	for at := range int(s.seconds * readtest.Rate) { // words that end in time for what the network looks ahead
		if end := float64(at) / readtest.Rate; at%(readtest.Rate/10) == 0 && endsWord(end) && end < s.seconds-1 {
			expected++
		}
	}
	var all tally
	var wait sync.WaitGroup
	begin := time.Now()
	for range n {
		wait.Go(func() {
			time.Sleep(time.Duration(rand.Float64() * float64(time.Second))) // clients do not send all at one moment
			if err := one(s, url, sound, &all); err != nil {
				all.Lock()
				all.failed = append(all.failed, err)
				all.Unlock()
			}
		})
	}
	wait.Wait()
	r := result{Of: "streams", At: n, Failed: len(all.failed), Sound: float64(n) * s.seconds / time.Since(begin).Seconds()}
	r.spread(all.times)
	r.Missing = max(0, n*expected-r.Count)
	if len(all.failed) > 0 {
		return r, fmt.Errorf("%d of %d streams failed, as by: %w", len(all.failed), n, all.failed[0])
	}
	return r, nil
}

// endsWord tells whether a word of talk ends at a time.
func endsWord(at float64) bool {
	const piece = 0.5 + 5*0.6
	in := math.Mod(at, piece) - 0.5
	word := math.Mod(in, 0.6)
	return in > 0 && math.Abs(word-0.3) < 1e-6
}

// one is one stream.
func one(s *settings, url string, sound []byte, all *tally) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(s.seconds*float64(time.Second))+time.Minute)
	defer cancel()
	query := fmt.Sprintf("?rate=%d", readtest.Rate)
	if s.beam > 0 {
		query += fmt.Sprintf("&beam=%d&delay=0.5", s.beam)
	}
	c, _, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1)+"/v1/audio/stream"+query, nil)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	var begin time.Time
	size := max(2, int(s.chunk.Seconds()*readtest.Rate)*2)
	sent := make(chan error, 1)
	began := make(chan struct{})
	go func() {
		begin = time.Now()
		close(began)
		sent <- speak(ctx, c, sound, size, begin, s.chunk)
	}()
	<-began
	for {
		_, text, err := c.Read(ctx)
		if websocket.CloseStatus(err) == websocket.StatusNormalClosure {
			return <-sent
		}
		if err != nil {
			return err
		}
		now := time.Now()
		var m struct {
			Words []struct{ End float64 }
		}
		if err := json.Unmarshal(text, &m); err != nil {
			return err
		}
		all.Lock()
		for _, w := range m.Words {
			chunk := math.Ceil(w.End / s.chunk.Seconds()) // the one that has the word's last sample was sent when it was over
			all.times = append(all.times, now.Sub(begin.Add(time.Duration(chunk)*s.chunk)))
		}
		all.Unlock()
	}
}

// speak sends sound in real time: each chunk when it is over.
func speak(ctx context.Context, c *websocket.Conn, sound []byte, size int, begin time.Time, chunk time.Duration) error {
	for i := 0; len(sound) > 0; i++ {
		time.Sleep(time.Until(begin.Add(time.Duration(i+1) * chunk)))
		n := min(size, len(sound))
		if err := c.Write(ctx, websocket.MessageBinary, sound[:n]); err != nil {
			return err
		}
		sound = sound[n:]
	}
	return c.Write(ctx, websocket.MessageText, []byte(`{"type":"end"}`))
}
