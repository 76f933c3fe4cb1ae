// The network's costly operations, for WebAssembly with 128-bit vectors.
// `python book/_tools/build_kernel.py` makes kernel.wasm of it.

typedef float four __attribute__((vector_size(16), aligned(4)));

// A tile of eight sums: with the pixels, a weight and a product that is all a processor
// of 16 vector registers can hold. One of twelve took 1.4 times as long.
#define PIXELS 8  // a panel: two vectors of output pixels ...
#define ROWS 4    // ... by four output channels
#define MOST_TAPS 9

extern unsigned char __heap_base;

// Where memory is free: JavaScript lays weights and maps out from here on.
__attribute__((export_name("free_from"))) unsigned free_from(void) {
  return (unsigned)&__heap_base;
}

static four between(four value, float least, float most) {
  value = __builtin_wasm_pmax_f32x4(value, (four){} + least);
  return __builtin_wasm_pmin_f32x4(value, (four){} + most);
}

// Copy what the taps of 8 output pixels see, as panel[channel][tap][pixel].
static void gather(const float *in, int channels, int height, int width,
                   const int *taps, int n_taps, int stride, int out_width,
                   int first, int count, float *panel) {
  int place[MOST_TAPS][PIXELS];  // in one channel's map; -1 outside: zero padding
  int in_a_row[MOST_TAPS];
  for (int t = 0; t < n_taps; t++) {
    in_a_row[t] = count == PIXELS;
    for (int j = 0; j < PIXELS; j++) {
      int y = (first + j) / out_width * stride + taps[2 * t];
      int x = (first + j) % out_width * stride + taps[2 * t + 1];
      int inside = j < count && y >= 0 && y < height && x >= 0 && x < width;
      place[t][j] = inside ? y * width + x : -1;
      in_a_row[t] &= inside && place[t][j] == place[t][0] + j;
    }
  }
  for (int c = 0; c < channels; c++, in += height * width)
    for (int t = 0; t < n_taps; t++, panel += PIXELS) {
      const int *at = place[t];
      if (in_a_row[t]) {
        const four *seen = (const four *)(in + at[0]);
        four *kept = (four *)panel;
        for (int v = 0; v < PIXELS / 4; v++) kept[v] = seen[v];
      } else {
        for (int j = 0; j < PIXELS; j++) panel[j] = at[j] < 0 ? 0 : in[at[j]];
      }
    }
}

// out = clamp(weights * seen + bias, least, most) * gain + shift + added, one map an
// output channel.
//
// in: (channels, height, width). taps: n_taps pairs (dy, dx); output pixel (y, x) sees
// (stride y + dy, stride x + dx), and zeros outside. weights: for each four output
// channels, (channels * n_taps, 4). bias, gain, shift: one number an output channel;
// all filled up with zeros to a multiple of four. out, and added, which may be 0: maps
// of out_map numbers; pixel (y, x) is at y * y_step + x * x_step. panel: room for
// 8 * channels * n_taps.
__attribute__((export_name("convolve"))) void convolve(
    const float *in, int channels, int height, int width, const int *taps,
    int n_taps, int stride, const float *weights, const float *bias,
    const float *gain, const float *shift, float least, float most,
    const float *added, float *out, int out_channels, int out_height, int out_width,
    int out_map, int y_step, int x_step, float *panel) {
  int depth = channels * n_taps, pixels = out_height * out_width;
  for (int first = 0; first < pixels; first += PIXELS) {
    int count = pixels - first < PIXELS ? pixels - first : PIXELS;
    gather(in, channels, height, width, taps, n_taps, stride, out_width, first, count, panel);
    int to[PIXELS], in_a_row = count == PIXELS;
    for (int j = 0; j < count; j++) {
      to[j] = (first + j) / out_width * y_step + (first + j) % out_width * x_step;
      in_a_row &= to[j] == to[0] + j;
    }
    for (int row = 0; row < out_channels; row += ROWS) {
      const float *w = weights + row * depth;
      four sum[ROWS][PIXELS / 4];
      for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < PIXELS / 4; v++) sum[r][v] = (four){} + bias[row + r];
      const four *seen = (const four *)panel;
      for (int k = 0; k < depth; k++, w += ROWS, seen += PIXELS / 4)
        for (int r = 0; r < ROWS; r++)
          for (int v = 0; v < PIXELS / 4; v++) sum[r][v] += seen[v] * w[r];
      for (int r = 0; r < ROWS && row + r < out_channels; r++) {
        float *map = out + (row + r) * out_map;
        const float *more = added + (row + r) * out_map;
        for (int v = 0; v < PIXELS / 4; v++) {
          four value = between(sum[r][v], least, most);
          value = value * gain[row + r] + shift[row + r];
          if (in_a_row) {
            if (added) value += *(const four *)(more + to[4 * v]);
            *(four *)(map + to[4 * v]) = value;
          } else {
            for (int j = 4 * v; j < 4 * v + 4 && j < count; j++)
              map[to[j]] = value[j % 4] + (added ? more[to[j]] : 0);
          }
        }
      }
    }
  }
}

// Four pixels of a depthwise convolution: each next to the one before, or two apart.
static inline four look(const float *seen, int row, int side, int stride,
                        const float *weights, float bias) {
  four sum = (four){} + bias;
  for (int y = 0; y < side; y++, seen += row)
    for (int x = 0; x < side; x++) {
      four value = *(const four *)(seen + x);
      if (stride == 2) {
        four next = *(const four *)(seen + x + 4);
        value = __builtin_shufflevector(value, next, 0, 2, 4, 6);
      }
      sum += value * weights[y * side + x];
    }
  return sum;
}

// A depthwise convolution: out = clamp(weights * seen + bias, least, most), where each
// map sees one map. weights: (channels, side, side); stride 1 or 2; output pixel (y, x)
// sees from (stride y - before, stride x - before) on. plane: room for a map with a
// rim, (stride * out_height + side) * (stride * out_width + side + 16).
__attribute__((export_name("filter"))) void filter(
    const float *in, int channels, int height, int width, int side, int before,
    int stride, const float *weights, const float *bias, float least, float most,
    float *out, int out_height, int out_width, float *plane) {
  int rows = stride * out_height + side, row = stride * out_width + side + 16;
  for (int i = 0; i < rows * row; i++) plane[i] = 0;
  for (int c = 0; c < channels; c++, weights += side * side) {
    for (int y = 0; y < height; y++, in += width)
      for (int x = 0; x < width; x++) plane[(y + before) * row + x + before] = in[x];
    for (int y = 0; y < out_height; y++, out += out_width)
      for (int x = 0; x < out_width; x += 4) {
        const float *seen = plane + stride * (y * row + x);
        four sum = stride == 2 ? look(seen, row, side, 2, weights, bias[c])
                               : look(seen, row, side, 1, weights, bias[c]);
        sum = between(sum, least, most);
        for (int j = 0; j < 4 && x + j < out_width; j++) out[x + j] = sum[j];
      }
  }
}
