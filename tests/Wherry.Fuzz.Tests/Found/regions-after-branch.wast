;; Protected regions that begin together behind a branch which leads there in any case: RyuJIT ended the process when it compiled them.
(module
  (tag $e)
  (func $callee (param i32) (result i32) (if (local.get 0) (then (throw $e))) (i32.const 5))
  (func (export "br_if") (param i32) (result i32) (local i32)
    (block (br_if 0 (local.get 0)))
    try try (local.set 1 (call $callee (local.get 0))) catch $e (local.set 1 (i32.const 7)) end catch_all end
    (local.get 1))
  (func (export "if") (param i32) (result i32) (local i32)
    (if (local.get 0) (then))
    try try (local.set 1 (call $callee (local.get 0))) catch $e (local.set 1 (i32.const 7)) end catch_all end
    (local.get 1))
  (func (export "br_on_null") (param i32) (result i32) (local i32 anyref)
    (block (drop (br_on_null 0 (local.get 2))))
    try try (local.set 1 (call $callee (local.get 0))) catch $e (local.set 1 (i32.const 7)) end catch_all end
    (local.get 1))
  (func (export "loop") (param i32) (result i32) (local i32)
    (block (loop (br_if 1 (local.get 0))))
    try try (local.set 1 (call $callee (local.get 0))) catch $e (local.set 1 (i32.const 7)) end catch_all end
    (local.get 1))
  (func (export "three") (param i32) (result i32) (local i32)
    (block (br_if 0 (local.get 0)))
    try try try (local.set 1 (call $callee (local.get 0))) catch $e (local.set 1 (i32.const 7)) end catch_all end catch_all end
    (local.get 1))
  (func (export "inside") (param i32) (result i32) (local i32)
    try
      (block (br_if 0 (local.get 0)))
      try try (local.set 1 (call $callee (local.get 0))) catch $e (local.set 1 (i32.const 7)) end catch_all end
    catch_all end
    (local.get 1)))
(assert_return (invoke "br_if" (i32.const 0)) (i32.const 5))
(assert_return (invoke "br_if" (i32.const 1)) (i32.const 7))
(assert_return (invoke "if" (i32.const 0)) (i32.const 5))
(assert_return (invoke "if" (i32.const 1)) (i32.const 7))
(assert_return (invoke "br_on_null" (i32.const 0)) (i32.const 5))
(assert_return (invoke "br_on_null" (i32.const 1)) (i32.const 7))
(assert_return (invoke "loop" (i32.const 0)) (i32.const 5))
(assert_return (invoke "loop" (i32.const 1)) (i32.const 7))
(assert_return (invoke "three" (i32.const 1)) (i32.const 7))
(assert_return (invoke "inside" (i32.const 1)) (i32.const 7))
(module
  (tag $e)
  (func $callee (param i32) (result i32) (if (local.get 0) (then (throw $e))) (i32.const 5))
  (func (export "try_table") (param i32) (result i32)
    (block (br_if 0 (local.get 0)))
    (block $outer (try_table (catch_all $outer) (block $inner (return (try_table (result i32) (catch $e $inner) (call $callee (local.get 0)))))))
    (i32.const 7)))
(assert_return (invoke "try_table" (i32.const 0)) (i32.const 5))
(assert_return (invoke "try_table" (i32.const 1)) (i32.const 7))
