// One convolution of the network, for WebAssembly with 128-bit vectors.
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

// out = max(weights * seen + bias, floor) * gain + shift, one output map a channel.
//
// in: (channels, height, width). taps: n_taps pairs (dy, dx); output pixel (y, x) sees
// (stride y + dy, stride x + dx), and zeros outside. weights: for each four output
// channels, (channels * n_taps, 4). bias, gain, shift: one number an output channel;
// all filled up with zeros to a multiple of four. out: maps of out_map numbers;
// pixel (y, x) goes to out[y * y_step + x * x_step]. panel: room for
// 8 * channels * n_taps.
__attribute__((export_name("convolve"))) void convolve(
    const float *in, int channels, int height, int width, const int *taps,
    int n_taps, int stride, const float *weights, const float *bias,
    const float *gain, const float *shift, float floor, float *out,
    int out_channels, int out_height, int out_width, int out_map, int y_step,
    int x_step, float *panel) {
  int depth = channels * n_taps, pixels = out_height * out_width;
  for (int first = 0; first < pixels; first += PIXELS) {
    int count = pixels - first < PIXELS ? pixels - first : PIXELS;
    gather(in, channels, height, width, taps, n_taps, stride, out_width, first, count, panel);
    int to[PIXELS];
    for (int j = 0; j < count; j++)
      to[j] = (first + j) / out_width * y_step + (first + j) % out_width * x_step;
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
        for (int v = 0; v < PIXELS / 4; v++) {
          four value = __builtin_wasm_pmax_f32x4(sum[r][v], (four){} + floor);
          value = value * gain[row + r] + shift[row + r];
          for (int j = 4 * v; j < 4 * v + 4 && j < count; j++) map[to[j]] = value[j % 4];
        }
      }
    }
  }
}
