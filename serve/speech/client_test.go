package speech

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/peer"
)

// OpenAI's own client is answered in each format, and shows what is refused; the client websockets streams.
func TestSpeechClients(t *testing.T) {
	python, err := peer.Python("python3", "openai, websockets")
	if err != nil {
		t.Skip(err, "(pip install openai websockets)")
	}
	_, at := start(t, options(t))
	path := filepath.Join(t.TempDir(), "talk.wav")
	if err := os.WriteFile(path, wav(t, twoSegments()), 0o666); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(python, "../../oracle/speech_client.py", at, path, "o i i i o").CombinedOutput()
	if err != nil || !strings.Contains(string(said), "answered") {
		t.Errorf("%v: %s", err, said)
	}
	t.Logf("%s", said)
}
