;; What a successful exchange gives was the longer number of which the expected one is a part.
(module
  (memory 1 1 shared)
  (func (export "long") (param f64) (result i64)
    (i64.atomic.rmw32.cmpxchg_u (i32.const 0) (i64.reinterpret_f64 (local.get 0)) (i64.const 0)))
  (func (export "wrapped") (param f64) (result i64)
    (i64.extend_i32_u (i32.atomic.rmw.cmpxchg (i32.const 0) (i32.wrap_i64 (i64.reinterpret_f64 (local.get 0))) (i32.const 0))))
  (func (export "short") (param f64) (result i64)
    (i64.extend_i32_u (i32.atomic.rmw16.cmpxchg_u (i32.const 0) (i32.wrap_i64 (i64.reinterpret_f64 (local.get 0))) (i32.const 0)))))

(assert_return (invoke "long" (f64.const -2)) (i64.const 0))
(assert_return (invoke "wrapped" (f64.const -2)) (i64.const 0))
(assert_return (invoke "short" (f64.const -2)) (i64.const 0))
