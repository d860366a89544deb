#include "worker/trainer/norm_kernels.h"

#include <cstring>

// One binary runs on any x86-64: the loader picks each function's version for
// the CPU.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(OCTET_ONE_VERSION)
#define OCTET_MULTIVERSION \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define OCTET_MULTIVERSION
#endif
#define OCTET_INLINE inline __attribute__((always_inline))

namespace octet::trainer {
namespace {

// Everything that passes or returns these vectors is inlined: no ABI to differ.
#pragma GCC diagnostic ignored "-Wpsabi"

// Vectors of the compiler, which splits them where the CPU's are shorter. GCC 12
// takes comparisons of longer ones apart into scalars.
typedef float Float8 __attribute__((vector_size(32)));
typedef float Float1;

template <typename V>
OCTET_INLINE V Load(const float* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <typename V>
OCTET_INLINE void Store(float* p, const V& v) {
  std::memcpy(p, &v, sizeof v);
}

// Comparisons that are false for NaN let it through.
template <typename V>
OCTET_INLINE V Clamp(const V& y, float lo, float hi) {
  const V low = V{} + lo, high = V{} + hi;
  const V raised = low > y ? low : y;
  return high < raised ? high : raised;
}

template <typename V>
OCTET_INLINE V Passed(const V& y, const V& dy, float lo, float hi) {
  const V low = V{} + lo, high = V{} + hi;
  const V above = y > low ? dy : V{};
  return y < high ? above : V{};
}

// Calls body(V, first channel) for tiles of `kVectors` vectors that cover all
// channels: wide ones first, so that sums stay in registers, then narrower.
template <template <typename, int> class Body, typename... Args>
OCTET_INLINE void ForTiles(int64_t channels, const Args&... args) {
  int64_t c = 0;
  for (; c + 64 <= channels; c += 64) Body<Float8, 8>::Run(c, args...);
  for (; c + 32 <= channels; c += 32) Body<Float8, 4>::Run(c, args...);
  for (; c + 16 <= channels; c += 16) Body<Float8, 2>::Run(c, args...);
  for (; c + 8 <= channels; c += 8) Body<Float8, 1>::Run(c, args...);
  for (; c < channels; ++c) Body<Float1, 1>::Run(c, args...);
}

template <typename V>
inline constexpr int64_t kLanes = sizeof(V) / sizeof(float);

template <typename V, int kVectors>
struct Sums {
  OCTET_INLINE static void Run(int64_t c, const float* x, int64_t rows, int64_t channels,
                               const float* pivot, float* sum, float* square) {
    V s[kVectors] = {}, q[kVectors] = {}, k[kVectors];
    for (int v = 0; v < kVectors; ++v) k[v] = Load<V>(pivot + c + v * kLanes<V>);
    for (const float* row = x + c; row < x + rows * channels; row += channels) {
      for (int v = 0; v < kVectors; ++v) {
        const V d = Load<V>(row + v * kLanes<V>) - k[v];
        s[v] += d;
        q[v] += d * d;
      }
    }
    for (int v = 0; v < kVectors; ++v) {
      Store<V>(sum + c + v * kLanes<V>, s[v]);
      Store<V>(square + c + v * kLanes<V>, q[v]);
    }
  }
};

template <typename V, int kVectors>
struct BackwardSums {
  OCTET_INLINE static void Run(int64_t c, const float* x, const float* dy, int64_t rows,
                               int64_t channels, const NormAffine& a, const float* mean,
                               float* sum_g, float* sum_gx) {
    V s[kVectors] = {}, q[kVectors] = {};
    for (int64_t i = c; i < rows * channels; i += channels) {
      for (int v = 0; v < kVectors; ++v) {
        const int64_t o = v * kLanes<V>;
        const V value = Load<V>(x + i + o);
        const V y = value * Load<V>(a.scale + c + o) + Load<V>(a.shift + c + o);
        const V g = Passed<V>(y, Load<V>(dy + i + o), a.lo, a.hi);
        s[v] += g;
        q[v] += g * (value - Load<V>(mean + c + o));
      }
    }
    for (int v = 0; v < kVectors; ++v) {
      Store<V>(sum_g + c + v * kLanes<V>, s[v]);
      Store<V>(sum_gx + c + v * kLanes<V>, q[v]);
    }
  }
};

template <typename V, int kVectors>
struct Forward {
  OCTET_INLINE static void Run(int64_t c, const float* x, const NormAffine& a, float* y) {
    for (int v = 0; v < kVectors; ++v) {
      const int64_t o = c + v * kLanes<V>;
      const V value = Load<V>(x + o) * Load<V>(a.scale + o) + Load<V>(a.shift + o);
      Store<V>(y + o, Clamp<V>(value, a.lo, a.hi));
    }
  }
};

template <typename V, int kVectors>
struct Backward {
  OCTET_INLINE static void Run(int64_t c, const float* x, const float* dy, const NormAffine& a,
                               const float* mean, const float* slope, const float* offset,
                               float* dx) {
    for (int v = 0; v < kVectors; ++v) {
      const int64_t o = c + v * kLanes<V>;
      const V value = Load<V>(x + o), scale = Load<V>(a.scale + o);
      const V g = Passed<V>(value * scale + Load<V>(a.shift + o), Load<V>(dy + o), a.lo, a.hi);
      Store<V>(dx + o,
               scale * g + Load<V>(slope + o) * (value - Load<V>(mean + o)) + Load<V>(offset + o));
    }
  }
};

}  // namespace

OCTET_MULTIVERSION
void NormSums(const float* x, int64_t rows, int64_t channels, const float* pivot, float* sum,
              float* square) {
  ForTiles<Sums>(channels, x, rows, channels, pivot, sum, square);
}

OCTET_MULTIVERSION
void NormForward(const float* x, int64_t rows, int64_t channels, const NormAffine& affine,
                 float* y) {
  const NormAffine a = affine;
  for (int64_t i = 0; i < rows * channels; i += channels)
    ForTiles<Forward>(channels, x + i, a, y + i);
}

OCTET_MULTIVERSION
void NormBackwardSums(const float* x, const float* dy, int64_t rows, int64_t channels,
                      const NormAffine& affine, const float* mean, float* sum_g, float* sum_gx) {
  const NormAffine a = affine;
  ForTiles<BackwardSums>(channels, x, dy, rows, channels, a, mean, sum_g, sum_gx);
}

OCTET_MULTIVERSION
void NormBackward(const float* x, const float* dy, int64_t rows, int64_t channels,
                  const NormAffine& affine, const float* mean, const float* slope,
                  const float* offset, float* dx) {
  const NormAffine a = affine;
  for (int64_t i = 0; i < rows * channels; i += channels)
    ForTiles<Backward>(channels, x + i, dy + i, a, mean, slope, offset, dx + i);
}

}  // namespace octet::trainer
