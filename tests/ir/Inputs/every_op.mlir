// A few ops a function, every op of the dialect in some function: what ErrorBoundTest.cpp holds the
// error bound against f32 on. Float arguments are random in [-1, 1), integers in [0, 4).

!m = tensor<5x37xf32>
!v = tensor<37xf32>
!rows = tensor<5xf32>
!mask = tensor<5x37xi1>

func.func @arithmetic(%x: !m, %y: !v) -> (!m, !m, !m, !m, !m, !m) {
  %0 = heddle.add %x, %y : (!m, !v) -> !m
  %1 = heddle.sub %0, %x : (!m, !m) -> !m
  %2 = heddle.mul %1, %0 : (!m, !m) -> !m
  %3 = heddle.div %x, %y : (!m, !v) -> !m
  %4 = heddle.maximum %2, %0 : (!m, !m) -> !m
  %5 = heddle.minimum %4, %1 : (!m, !m) -> !m
  return %0, %1, %2, %3, %4, %5 : !m, !m, !m, !m, !m, !m
}

func.func @functions(%x: !m) -> (!m, !m, !m, !m, !m, !m, !m, !m, !m, !m, !m, !m) {
  %0 = heddle.neg %x : !m
  %1 = heddle.exp %0 : !m
  %2 = heddle.log %1 : !m
  %3 = heddle.sqrt %1 : !m
  %4 = heddle.rsqrt %1 : !m
  %5 = heddle.tanh %x : !m
  %6 = heddle.erf %x : !m
  %7 = heddle.sigmoid %x : !m
  %8 = heddle.relu %x : !m
  %9 = heddle.silu %x : !m
  %10 = heddle.gelu %x : !m
  %11 = heddle.gelu %x {tanh_approximation} : !m
  return %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %0 : !m, !m, !m, !m, !m, !m, !m, !m, !m, !m, !m, !m
}

func.func @functions_of_large_arguments(%x: !m) -> (!m, !m, !m, !m, !m, !m, !m) {
  %c = heddle.constant dense<20.0> : tensor<f32>
  %0 = heddle.mul %x, %c : (!m, tensor<f32>) -> !m
  %1 = heddle.exp %0 : !m
  %5 = heddle.tanh %0 : !m
  %6 = heddle.erf %0 : !m
  %7 = heddle.sigmoid %0 : !m
  %9 = heddle.silu %0 : !m
  %10 = heddle.gelu %0 : !m
  %11 = heddle.gelu %0 {tanh_approximation} : !m
  return %1, %5, %6, %7, %9, %10, %11 : !m, !m, !m, !m, !m, !m, !m
}

func.func @slopes(%x: !m, %dy: !m) -> (!m, !m, !m, !m) {
  %c = heddle.constant dense<5.0> : tensor<f32>
  %a = heddle.mul %x, %c : (!m, tensor<f32>) -> !m
  %0 = heddle.relu_grad %a, %dy : !m
  %1 = heddle.silu_grad %a, %dy : !m
  %2 = heddle.gelu_grad %a, %dy : !m
  %3 = heddle.gelu_grad %a, %dy {tanh_approximation} : !m
  return %0, %1, %2, %3 : !m, !m, !m, !m
}

func.func @masks(%x: tensor<4x7xf32>, %y: tensor<4x7xf32>, %lengths: tensor<4xi32>) -> (tensor<4x7xf32>, tensor<4x7xi32>, tensor<4x7xf32>) {
  %0 = heddle.compare lt %x, %y : (tensor<4x7xf32>, tensor<4x7xf32>) -> tensor<4x7xi1>
  %1 = heddle.length_mask %lengths : tensor<4xi32> -> tensor<4x7xi1>
  %2 = heddle.causal_mask {window = 3 : i64} : tensor<4x7xi1>
  %3 = heddle.logical_and %0, %1 : (tensor<4x7xi1>, tensor<4x7xi1>) -> tensor<4x7xi1>
  %4 = heddle.logical_and %3, %2 : (tensor<4x7xi1>, tensor<4x7xi1>) -> tensor<4x7xi1>
  %inf = heddle.constant dense<0xFF800000> : tensor<f32>
  %5 = heddle.select %4, %x, %inf : (tensor<4x7xi1>, tensor<4x7xf32>, tensor<f32>) -> tensor<4x7xf32>
  %6 = heddle.softmax %5 : tensor<4x7xf32>
  %7 = heddle.cast %4 : tensor<4x7xi1> -> tensor<4x7xi32>
  %8 = heddle.cast %7 : tensor<4x7xi32> -> tensor<4x7xf32>
  return %6, %7, %8 : tensor<4x7xf32>, tensor<4x7xi32>, tensor<4x7xf32>
}

func.func @dropout(%x: !m, %rng: tensor<3xi64>) -> !m {
  %0 = heddle.dropout %x, %rng {p = 0.3 : f64, rng_id = 7 : i64} : (!m, tensor<3xi64>) -> !m
  return %0 : !m
}

func.func @shapes(%x: tensor<2x3x4xf32>, %y: tensor<2x3x4xf32>) -> tensor<4x11x4xf32> {
  %0 = heddle.add %x, %y : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %1 = heddle.reshape %0 : tensor<2x3x4xf32> -> tensor<6x4xf32>
  %2 = heddle.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<6x4xf32>) -> tensor<4x6xf32>
  %3 = heddle.slice %2 {offsets = array<i64: 0, 1>, sizes = array<i64: 4, 4>} : (tensor<4x6xf32>) -> tensor<4x4xf32>
  %4 = heddle.reshape %3 : tensor<4x4xf32> -> tensor<4x1x4xf32>
  %5 = heddle.broadcast %4 : tensor<4x1x4xf32> -> tensor<4x3x4xf32>
  %6 = heddle.pad %5 {low = array<i64: 0, 1, 0>, high = array<i64: 0, 3, 0>} : (tensor<4x3x4xf32>) -> tensor<4x7x4xf32>
  %7 = heddle.concat %6, %4, %5 {axis = 1 : i64} : (tensor<4x7x4xf32>, tensor<4x1x4xf32>, tensor<4x3x4xf32>) -> tensor<4x11x4xf32>
  return %7 : tensor<4x11x4xf32>
}

func.func @reductions(%x: tensor<4x301x3xf32>) -> (tensor<301xf32>, tensor<4x3xf32>, tensor<4xf32>, tensor<4x301xf32>) {
  %0 = heddle.sum %x {axes = array<i64: 0, 2>} : (tensor<4x301x3xf32>) -> tensor<301xf32>
  %1 = heddle.sum %x {axes = array<i64: 1>} : (tensor<4x301x3xf32>) -> tensor<4x3xf32>
  %2 = heddle.sum %x {axes = array<i64: 1, 2>} : (tensor<4x301x3xf32>) -> tensor<4xf32>
  %3 = heddle.max %x {axes = array<i64: 2>} : (tensor<4x301x3xf32>) -> tensor<4x301xf32>
  return %0, %1, %2, %3 : tensor<301xf32>, tensor<4x3xf32>, tensor<4xf32>, tensor<4x301xf32>
}

func.func @softmax(%x: !m, %dy: !m) -> (!m, !m) {
  %0 = heddle.softmax %x : !m
  %1 = heddle.softmax_grad %0, %dy : !m
  return %0, %1 : !m, !m
}

func.func @layer_norm(%x: !m, %g: !v, %b: !v, %dy: !m) -> (!m, !rows, !rows, !m, !v, !v) {
  %0:3 = heddle.layer_norm %x gamma(%g) beta(%b) {eps = 1.0e-5 : f64} : (!m, !v, !v) -> (!m, !rows, !rows)
  %1 = heddle.layer_norm_grad %dy, %x, %0#1, %0#2 gamma(%g) : (!m, !m, !rows, !rows, !v) -> !m
  %2:2 = heddle.layer_norm_param_grad %dy, %x, %0#1, %0#2 : (!m, !m, !rows, !rows) -> (!v, !v)
  return %0#0, %0#1, %0#2, %1, %2#0, %2#1 : !m, !rows, !rows, !m, !v, !v
}

func.func @rms_norm(%x: !m, %g: !v, %dy: !m) -> (!m, !rows, !m, !v) {
  %0:2 = heddle.rms_norm %x gamma(%g) {eps = 1.0e-5 : f64} : (!m, !v) -> (!m, !rows)
  %1 = heddle.rms_norm_grad %dy, %x, %0#1 gamma(%g) : (!m, !m, !rows, !v) -> !m
  %2 = heddle.rms_norm_param_grad %dy, %x, %0#1 : (!m, !m, !rows) -> !v
  return %0#0, %0#1, %1, %2 : !m, !rows, !m, !v
}

func.func @matmul(%a: tensor<7x131xf32>, %b: tensor<131x5xf32>, %c: tensor<7x5xf32>) -> (tensor<7x5xf32>, tensor<7x7xf32>, tensor<5x131xf32>) {
  %0 = heddle.matmul %a, %b : (tensor<7x131xf32>, tensor<131x5xf32>) -> tensor<7x5xf32>
  %1 = heddle.matmul %0, %c {transpose_b} : (tensor<7x5xf32>, tensor<7x5xf32>) -> tensor<7x7xf32>
  %2 = heddle.matmul %c, %a {transpose_a} : (tensor<7x5xf32>, tensor<7x131xf32>) -> tensor<5x131xf32>
  return %0, %1, %2 : tensor<7x5xf32>, tensor<7x7xf32>, tensor<5x131xf32>
}

func.func @matmul_of_batches(%a: tensor<2x3x5x17xf32>, %b: tensor<2x1x7x17xf32>) -> tensor<2x3x5x7xf32> {
  %0 = heddle.matmul %a, %b {transpose_b} : (tensor<2x3x5x17xf32>, tensor<2x1x7x17xf32>) -> tensor<2x3x5x7xf32>
  return %0 : tensor<2x3x5x7xf32>
}

func.func @embedding(%table: tensor<4x7xf32>, %ids: tensor<2x9xi32>) -> (tensor<2x9x7xf32>, tensor<4x7xf32>) {
  %0 = heddle.embedding %table, %ids : (tensor<4x7xf32>, tensor<2x9xi32>) -> tensor<2x9x7xf32>
  %1 = heddle.embedding_grad %ids, %0 init(%table) : (tensor<2x9xi32>, tensor<2x9x7xf32>, tensor<4x7xf32>) -> tensor<4x7xf32>
  return %0, %1 : tensor<2x9x7xf32>, tensor<4x7xf32>
}

func.func @rope(%x: tensor<2x3x5x8xf32>, %each: tensor<2x5xi32>, %shared: tensor<1x5xi64>) -> tensor<2x3x5x8xf32> {
  %0 = heddle.rope %x, %each {inv_freq = array<f64: 1.0, 0.01>} : (tensor<2x3x5x8xf32>, tensor<2x5xi32>) -> tensor<2x3x5x8xf32>
  %1 = heddle.rope %0, %shared {inv_freq = array<f64: 1.0>, attention_scaling = 1.25 : f64, interleaved, inverse} : (tensor<2x3x5x8xf32>, tensor<1x5xi64>) -> tensor<2x3x5x8xf32>
  return %1 : tensor<2x3x5x8xf32>
}

func.func @cache(%cache: tensor<2x3x9x4xf32>, %k: tensor<2x3x1x4xf32>, %at: tensor<2xi32>) -> (tensor<2x3x9x4xf32>, tensor<2x36xf32>) {
  %last = heddle.constant dense<[2, 0]> : tensor<2xi32>
  %0 = heddle.cache_update %cache, %k, %at : (tensor<2x3x9x4xf32>, tensor<2x3x1x4xf32>, tensor<2xi32>) -> tensor<2x3x9x4xf32>
  %1 = heddle.reshape %0 : tensor<2x3x9x4xf32> -> tensor<2x3x36xf32>
  %2 = heddle.gather_rows %1, %last : (tensor<2x3x36xf32>, tensor<2xi32>) -> tensor<2x36xf32>
  return %0, %2 : tensor<2x3x9x4xf32>, tensor<2x36xf32>
}

func.func @attention(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x4xf32>, %do: tensor<2x6x5x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>, tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>) {
  %0:2 = heddle.attention %q, %k, %v {scale = 0.353 : f64, causal, window = 4 : i64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>) -> (tensor<2x6x5x4xf32>, tensor<2x6x5xf32>)
  %1:3 = heddle.attention_grad %q, %k, %v, %0#0, %0#1, %do {scale = 0.353 : f64, causal, window = 4 : i64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>, tensor<2x6x5x4xf32>, tensor<2x6x5xf32>, tensor<2x6x5x4xf32>) -> (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>)
  return %0#0, %0#1, %1#0, %1#1, %1#2 : tensor<2x6x5x4xf32>, tensor<2x6x5xf32>, tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x4xf32>
}

func.func @attention_with_everything(%q: tensor<2x6x5x8xf32>, %k: tensor<2x3x7x8xf32>, %v: tensor<2x3x7x8xf32>, %do: tensor<2x6x5x8xf32>, %bias: tensor<6x1x7xf32>, %mask: tensor<2x7xi32>, %lengths: tensor<2xi32>, %rng: tensor<3xi64>) -> (tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>, tensor<6x1x7xf32>) {
  %0:2 = heddle.attention %q, %k, %v bias(%bias) key_mask(%mask) kv_lengths(%lengths) rng(%rng) {scale = 1.0 : f64, soft_cap = 5.0 : f64, dropout = 0.1 : f64, rng_id = 3 : i64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>, tensor<6x1x7xf32>, tensor<2x7xi32>, tensor<2xi32>, tensor<3xi64>) -> (tensor<2x6x5x8xf32>, tensor<2x6x5xf32>)
  %1:4 = heddle.attention_grad %q, %k, %v, %0#0, %0#1, %do bias(%bias) key_mask(%mask) kv_lengths(%lengths) rng(%rng) {scale = 1.0 : f64, soft_cap = 5.0 : f64, dropout = 0.1 : f64, rng_id = 3 : i64} : (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>, tensor<2x6x5x8xf32>, tensor<2x6x5xf32>, tensor<2x6x5x8xf32>, tensor<6x1x7xf32>, tensor<2x7xi32>, tensor<2xi32>, tensor<3xi64>) -> (tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>, tensor<6x1x7xf32>)
  return %0#0, %1#0, %1#1, %1#2, %1#3 : tensor<2x6x5x8xf32>, tensor<2x6x5x8xf32>, tensor<2x3x7x8xf32>, tensor<2x3x7x8xf32>, tensor<6x1x7xf32>
}

func.func @ffn(%x: tensor<2x3x4xf32>, %in: tensor<4x9xf32>, %b: tensor<9xf32>, %out: tensor<9x4xf32>, %c: tensor<4xf32>, %rng: tensor<3xi64>) -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) {
  %0:2 = heddle.ffn gelu_tanh %x in(%in, %b) out(%out, %c) : (tensor<2x3x4xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<9x4xf32>, tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x9xf32>)
  %1:3 = heddle.ffn silu %x in(%out) gate(%out) out(%in) {transpose_weights} : (tensor<2x3x4xf32>, tensor<9x4xf32>, tensor<9x4xf32>, tensor<4x9xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x9xf32>, tensor<2x3x9xf32>)
  %2:3 = heddle.ffn relu %x in(%in) gate(%in, %b) out(%out, %c) : (tensor<2x3x4xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<9x4xf32>, tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x9xf32>, tensor<2x3x9xf32>)
  %3:2 = heddle.ffn relu %x in(%in, %b) out(%out, %c) rng(%rng) {dropout = 0.1 : f64, rng_id = 3 : i64} : (tensor<2x3x4xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<9x4xf32>, tensor<4xf32>, tensor<3xi64>) -> (tensor<2x3x4xf32>, tensor<2x3x9xf32>)
  return %0#0, %1#0, %2#0, %3#0 : tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>
}

func.func @losses(%logits: tensor<5x9xf32>, %targets: tensor<5xi32>) -> (tensor<5xf32>, tensor<5xf32>, tensor<5x9xf32>) {
  %losses, %lse = heddle.cross_entropy %logits, %targets {label_smoothing = 0.1 : f64} : (tensor<5x9xf32>, tensor<5xi32>) -> (tensor<5xf32>, tensor<5xf32>)
  %count = heddle.count_targets %targets {ignore_index = 0 : i64} : (tensor<5xi32>) -> tensor<f32>
  %d = heddle.cross_entropy_grad %logits, %targets, %lse, %count {label_smoothing = 0.1 : f64, ignore_index = 0 : i64} : (tensor<5x9xf32>, tensor<5xi32>, tensor<5xf32>, tensor<f32>) -> tensor<5x9xf32>
  return %losses, %lse, %d : tensor<5xf32>, tensor<5xf32>, tensor<5x9xf32>
}

func.func @linear_losses(%x: tensor<5x4xf32>, %w: tensor<4x9xf32>, %b: tensor<9xf32>, %targets: tensor<5xi32>, %d: tensor<f32>) -> (tensor<f32>, tensor<5xf32>, tensor<f32>, tensor<5x4xf32>, tensor<4x9xf32>, tensor<9xf32>) {
  %l:2 = heddle.linear_cross_entropy %x, %w bias(%b) targets(%targets) : (tensor<5x4xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<5xi32>) -> (tensor<f32>, tensor<5xf32>)
  %u:4 = heddle.linear_cross_entropy_train %x, %w bias(%b) targets(%targets) dloss(%d) : (tensor<5x4xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<5xi32>, tensor<f32>) -> (tensor<f32>, tensor<5x4xf32>, tensor<4x9xf32>, tensor<9xf32>)
  return %l#0, %l#1, %u#0, %u#1, %u#2, %u#3 : tensor<f32>, tensor<5xf32>, tensor<f32>, tensor<5x4xf32>, tensor<4x9xf32>, tensor<9xf32>
}

func.func @optimizer(%p: tensor<4x9xf32>, %g: tensor<4x9xf32>, %m: tensor<4x9xf32>) -> (tensor<f32>, tensor<f32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>) {
  %v = heddle.mul %m, %m : (tensor<4x9xf32>, tensor<4x9xf32>) -> tensor<4x9xf32>
  %hyper = heddle.constant dense<[1.0e-3, 0.1, 0.9, 0.1, 0.99, 0.01, 1.0e-8, 0.65, 0.096]> : tensor<9xf32>
  %0 = heddle.global_norm %g, %m : (tensor<4x9xf32>, tensor<4x9xf32>) -> tensor<f32>
  %squares = heddle.sum_squares %g : (tensor<4x9xf32>) -> tensor<1xf64>
  %norm = heddle.norm_of_partials %squares, %squares : (tensor<1xf64>, tensor<1xf64>) -> tensor<f32>
  %1:3 = heddle.adamw %p, %g, %m, %v, %hyper, %0 {decay} : (tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<9xf32>, tensor<f32>) -> (tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>)
  return %0, %norm, %1#0, %1#1, %1#2 : tensor<f32>, tensor<f32>, tensor<4x9xf32>, tensor<4x9xf32>, tensor<4x9xf32>
}
