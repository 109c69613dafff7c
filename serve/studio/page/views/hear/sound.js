// Sound: WAV files of one channel and 16 bits, the microphone, and playing.

const header = 44; // bytes

// encode makes a WAV file of chunks of samples from −1 to 1.
export function encode(chunks, rate) {
  const count = chunks.reduce((n, chunk) => n + chunk.length, 0), view = new DataView(new ArrayBuffer(header + 2 * count));
  const text = (at, s) => { for (let i = 0; i < s.length; i++) view.setUint8(at + i, s.charCodeAt(i)); };
  text(0, "RIFF");
  view.setUint32(4, header - 8 + 2 * count, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channel
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * count, true);
  let at = header;
  for (const chunk of chunks) {
    for (const v of chunk) {
      view.setInt16(at, Math.round(Math.max(-1, Math.min(1, v)) * 32767), true);
      at += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
}

// decode reads what encode, and the server, write: {samples, rate}.
export function decode(buffer) {
  const view = new DataView(buffer), samples = new Float32Array((buffer.byteLength - header) / 2);
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(header + 2 * i, true) / 32768;
  return { samples, rate: view.getUint32(24, true) };
}

// record takes the microphone's sound until stop() or most seconds. moved(seconds, level) tells how it goes, ended() that most was reached. Returns {stop}, which gives the file.
export async function record({ most, moved, ended }) {
  if (!navigator.mediaDevices) throw new Error("The browser lets pages record over HTTPS or on this machine (http://127.0.0.1) alone.");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false } })
    .catch((err) => { throw new Error(`The microphone cannot be used: ${err.message}.`); });
  const context = new AudioContext(), chunks = [];
  let count = 0, over = false;
  const close = () => {
    over = true;
    for (const track of stream.getTracks()) track.stop();
    return context.close();
  };
  try {
    await context.audioWorklet.addModule(new URL("tap.js", import.meta.url));
    const tap = new AudioWorkletNode(context, "tap", { channelCount: 1, channelCountMode: "explicit" });
    tap.port.onmessage = ({ data }) => {
      if (over) return;
      chunks.push(data);
      count += data.length;
      let level = 0;
      for (const v of data) level = Math.max(level, Math.abs(v));
      moved(count / context.sampleRate, level);
      if (count >= (most - 0.1) * context.sampleRate) ended();
    };
    context.createMediaStreamSource(stream).connect(tap).connect(context.destination); // which hears nothing of it
    await context.resume();
  } catch (err) {
    await close();
    throw err;
  }
  return {
    async stop() {
      const rate = context.sampleRate;
      await close();
      if (!count) throw new Error("The microphone gave no sound.");
      return encode(chunks, rate);
    },
    close,
  };
}

// player plays parts of a recording. moved(seconds) tells where it is, ended() that it has ended.
export function player({ moved, ended }) {
  let context = null, buffer = null, source = null, timer = 0, sound = null;

  function stop() {
    cancelAnimationFrame(timer);
    if (!source) return;
    source.onended = null;
    source.stop();
    source = null;
    ended();
  }

  return {
    stop,
    playing: () => source !== null,
    load(next) { stop(); [sound, buffer] = [next, null]; },
    async play(from, to) {
      stop();
      if (!sound) return;
      context ||= new AudioContext();
      if (!buffer) {
        buffer = context.createBuffer(1, sound.samples.length, sound.rate);
        buffer.copyToChannel(sound.samples, 0);
      }
      await context.resume();
      const mine = source = context.createBufferSource();
      mine.buffer = buffer;
      mine.connect(context.destination);
      mine.onended = () => { moved(to); stop(); };
      mine.start(0, from, to - from);
      const began = context.currentTime + (context.outputLatency || 0);
      const tick = () => {
        if (source !== mine) return;
        moved(Math.min(to, Math.max(from, from + context.currentTime - began)));
        timer = requestAnimationFrame(tick);
      };
      tick();
    },
    close() { stop(); context?.close(); },
  };
}
