// A surface in three dimensions, by WebGL2: turned by dragging and arrow keys, zoomed by the wheel, + and −.
import { arrowColours, arrowsOf } from "./arrows.js";
import { shade } from "./colours.js";
import { element } from "./dom.js";
import { at, thinned } from "./grid.js";

const surfaceVertex = `#version 300 es
in vec2 place; in float height; uniform mat4 view; uniform float tall; out vec3 here; out float level;
void main() { level = height; here = vec3(place.x, clamp(height, 0.0, 1.25) * tall, -place.y); gl_Position = view * vec4(here, 1.0); }`;
const surfaceFragment = `#version 300 es
precision highp float; in vec3 here; in float level; uniform vec3 stops[6]; out vec4 colour;
void main() {
  float t = clamp(level, 0.0, 1.0) * 5.0; int i = min(int(t), 4);
  vec3 normal = normalize(cross(dFdx(here), dFdy(here)));
  float light = 0.62 + 0.38 * abs(dot(normal, normalize(vec3(0.4, 0.8, 0.45))));
  float line = fract(level * 10.0), width = fwidth(level * 10.0);
  float edge = smoothstep(0.0, 1.2 * width, line) * smoothstep(0.0, 1.2 * width, 1.0 - line);
  colour = vec4(mix(stops[i], stops[i + 1], t - float(i)) * light * mix(0.8, 1.0, edge), 1.0);
}`;
const pointVertex = `#version 300 es
in vec3 point; uniform mat4 view; uniform float size;
void main() { gl_Position = view * vec4(point, 1.0); gl_Position.z -= 0.004; gl_PointSize = size; }`;
const pointFragment = `#version 300 es
precision highp float; uniform vec3 tint; out vec4 colour;
void main() { if (length(gl_PointCoord - 0.5) > 0.5) discard; colour = vec4(tint, 1.0); }`;

const flatFragment = `#version 300 es
precision highp float; uniform vec3 tint; out vec4 colour;
void main() { colour = vec4(tint, 1.0); }`;

const tall = 0.9, arrowTall = 0.45, arrowWide = 0.006;

const softwareMost = 128; // places on a side where triangles are drawn by the processor

let software = null;

// isSoftware tells, once, whether this browser draws in three dimensions without a graphics card.
function isSoftware() {
  if (software !== null) return software;
  const gl = element("canvas").getContext("webgl2"), info = gl?.getExtension("WEBGL_debug_renderer_info");
  software = /swiftshader|llvmpipe|software/i.test(gl?.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER) ?? "");
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return software;
}

function programOf(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error("The shader cannot be compiled: " + gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  const place = {};
  for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_ATTRIBUTES); i++) {
    const { name } = gl.getActiveAttrib(program, i);
    place[name] = gl.getAttribLocation(program, name);
  }
  for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
    const name = gl.getActiveUniform(program, i).name.replace("[0]", "");
    place[name] = gl.getUniformLocation(program, name);
  }
  return { program, place };
}

const product = (a, b) => Float32Array.from({ length: 16 }, (_, k) => {
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += a[i * 4 + k % 4] * b[Math.floor(k / 4) * 4 + i];
  return sum;
});

// viewOf looks at the middle of the surface from an angle around it and one above it.
function viewOf(around, above, far, aspect) {
  const f = 2.2, near = 0.1, end = 20;
  const project = [f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (end + near) / (near - end), -1, 0, 0, 2 * end * near / (near - end), 0];
  const [ca, sa, cb, sb] = [Math.cos(around), Math.sin(around), Math.cos(above), Math.sin(above)];
  const turn = [ca, sa * sb, -sa * cb, 0, 0, cb, sb, 0, sa, -ca * sb, ca * cb, 0, 0, 0, 0, 1];
  const down = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, -0.22, 0, 1], away = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, -far, 1];
  return product(project, product(away, product(turn, down)));
}

// relief returns {root, canvas, show(picture)}, with the pictures of plane.js. turned({around, above, far}) is called when it was turned.
export function relief({ label, from = {}, turned = () => {} }) {
  const canvas = element("canvas", { tabindex: "0", role: "img", "aria-label": label + ", turned by arrow keys" });
  const root = element("div", { class: "plane" }, canvas), gl = canvas.getContext("webgl2", { antialias: !isSoftware(), preserveDrawingBuffer: true });
  if (!gl) {
    root.replaceChildren(element("p", { class: "panel" }, "This browser has no WebGL2, which surfaces in three dimensions need."));
    return { root, canvas, show() {}, close() {} };
  }
  const eye = { around: 0.6, above: 0.7, far: 3.7, ...from };
  const surface = programOf(gl, surfaceVertex, surfaceFragment), points = programOf(gl, pointVertex, pointFragment), flat = programOf(gl, pointVertex, flatFragment);
  const [places, heights, indices, dots] = [0, 0, 0, 0].map(() => gl.createBuffer());
  let now = null, side = "", triangles = 0;
  const stops = new Float32Array([0, 1, 2, 3, 4, 5].flatMap((i) => shade(i / 5).map((v) => v / 255)));

  // mesh makes the places and the triangles of a grid of another size.
  function mesh({ nx, ny }) {
    if (side === nx + "×" + ny) return;
    side = nx + "×" + ny;
    const at = new Float32Array(2 * nx * ny), corners = new Uint32Array(6 * (nx - 1) * (ny - 1));
    let k = 0;
    for (let i = 0; i < nx; i++) {
      for (let j = 0; j < ny; j++) {
        const v = i * ny + j;
        at[2 * v] = 2 * i / (nx - 1) - 1;
        at[2 * v + 1] = 2 * j / (ny - 1) - 1;
        if (i + 1 < nx && j + 1 < ny) {
          corners.set([v, v + ny, v + 1, v + 1, v + ny, v + ny + 1], k);
          k += 6;
        }
      }
    }
    triangles = k;
    gl.bindBuffer(gl.ARRAY_BUFFER, places);
    gl.bufferData(gl.ARRAY_BUFFER, at, gl.STATIC_DRAW);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, indices);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, corners, gl.STATIC_DRAW);
  }

  // lift is where a place of the plane is on the surface, or null outside.
  function lift([px, py]) {
    const { x, y } = now.grid, v = at({ x, y, e: now.heights.h }, px, py);
    return v === null || Number.isNaN(v) ? null : [2 * (px - x[0]) / (x.at(-1) - x[0]) - 1, Math.min(1.25, Math.max(0, v)) * tall + 0.01, -(2 * (py - y[0]) / (y.at(-1) - y[0]) - 1)];
  }

  // paint draws places in space, of three numbers each, in one colour.
  function paint({ program, place }, kind, numbers, tint, size, view) {
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, dots);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(numbers), gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(place.point);
    gl.vertexAttribPointer(place.point, 3, gl.FLOAT, false, 0, 0);
    gl.uniformMatrix4fv(place.view, false, view);
    gl.uniform1f(place.size, size * (devicePixelRatio || 1));
    gl.uniform3fv(place.tint, tint);
    gl.drawArrays(kind, 0, numbers.length / 3);
  }

  function drawPoints(list, tint, size, view) {
    if (!list?.length) return;
    const numbers = [];
    for (const p of list) {
      const here = lift(p);
      if (here) numbers.push(...here);
    }
    paint(points, gl.POINTS, numbers, tint, size, view);
  }

  // drawArrows draws ∂L/∂E as arrows, broad sides to the eye: down onto the surface where it is above 0, up from it where below.
  function drawArrows(push, view) {
    if (!push?.length) return;
    const right = [Math.cos(eye.around), Math.sin(eye.around)], sides = { down: [], up: [] };
    for (const a of arrowsOf(push, now.pushMost)) {
      const here = lift(a.at);
      if (!here) continue;
      const [x, y, z] = here, length = arrowTall * a.part, head = Math.min(0.06, length / 2);
      const tip = a.down ? y : y + length, neck = a.down ? y + head : y + length - head, end = a.down ? y + length : y;
      for (const [side, height] of [[-arrowWide, end], [arrowWide, end], [arrowWide, neck], [-arrowWide, end], [arrowWide, neck], [-arrowWide, neck], [0, tip], [-0.45 * head, neck], [0.45 * head, neck]]) {
        sides[a.down ? "down" : "up"].push(x + side * right[0], height, z + side * right[1]);
      }
    }
    for (const [way, numbers] of Object.entries(sides)) paint(flat, gl.TRIANGLES, numbers, [1, 3, 5].map((k) => parseInt(arrowColours[way].slice(k, k + 2), 16) / 255), 1, view);
  }

  function draw() {
    if (!now || !canvas.width) return;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    const view = viewOf(eye.around, eye.above, eye.far, canvas.width / canvas.height);
    gl.useProgram(surface.program);
    for (const [buffer, a, size] of [[places, surface.place.place, 2], [heights, surface.place.height, 1]]) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(a);
      gl.vertexAttribPointer(a, size, gl.FLOAT, false, 0, 0);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, indices);
    gl.uniformMatrix4fv(surface.place.view, false, view);
    gl.uniform1f(surface.place.tall, tall);
    gl.uniform3fv(surface.place.stops, stops);
    gl.drawElements(gl.TRIANGLES, triangles, gl.UNSIGNED_INT, 0);
    drawPoints(now.data, [1, 1, 1], 4, view);
    drawPoints(now.lowest, [1, 0.84, 0.29], 6, view);
    drawArrows(now.push, view);
    drawPoints(now.chains, [1, 0.31, 0.55], 7, view);
  }

  const bounded = () => {
    eye.above = Math.min(1.55, Math.max(0.05, eye.above));
    eye.far = Math.min(12, Math.max(2.2, eye.far));
    draw();
  };
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => { drag = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    eye.around += (event.clientX - drag[0]) / 150;
    eye.above += (event.clientY - drag[1]) / 150;
    drag = [event.clientX, event.clientY];
    bounded();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { if (drag) turned({ ...eye }); drag = null; });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); eye.far *= Math.exp(event.deltaY / 600); bounded(); turned({ ...eye }); }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: ["around", -0.1], ArrowRight: ["around", 0.1], ArrowUp: ["above", 0.1], ArrowDown: ["above", -0.1], "+": ["far", -0.3], "-": ["far", 0.3] }[event.key];
    if (!move) return;
    event.preventDefault();
    eye[move[0]] += move[1];
    bounded();
    turned({ ...eye });
  });
  new ResizeObserver(() => {
    const box = root.getBoundingClientRect(), ratio = devicePixelRatio || 1;
    [canvas.width, canvas.height] = [box.width, box.height].map((v) => Math.round(v * ratio));
    draw();
  }).observe(root);

  return {
    root, canvas,
    show(next) {
      const same = now && now.heights === next.heights;
      now = next;
      if (!same) {
        const shape = thinned(next.heights.h, next.grid.x.length, next.grid.y.length, isSoftware() ? softwareMost : Infinity), { h } = shape;
        mesh(shape);
        gl.bindBuffer(gl.ARRAY_BUFFER, heights);
        gl.bufferData(gl.ARRAY_BUFFER, h.every(Number.isFinite) ? h : h.map((v) => Number.isFinite(v) ? v : 0), gl.DYNAMIC_DRAW);
      }
      draw();
    },
    close() { gl.getExtension("WEBGL_lose_context")?.loseContext(); },
  };
}
