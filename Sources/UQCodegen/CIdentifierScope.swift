/// Gives names of a model's values and layers identifiers that are unique and valid in C and C++.
///
/// Letters become lower case (upper case belongs to macros), all else but digits an underscore; long
/// names keep their end, where paths tell most. What is taken gets `_2`, `_3` ...
struct CIdentifierScope {
  /// Longest base of an identifier, without prefix and number.
  static let longest = 48

  private var taken: Set<String>
  private var next: [String: Int] = [:]

  /// A scope in which the words of C and C++ and `reserved` are taken.
  init(reserved: some Sequence<String> = []) { taken = Self.words.union(reserved) }

  /// A new identifier for `name`, made of `prefix` and the name, or `fallback` where nothing of the name
  /// is left.
  mutating func identifier(for name: String, prefix: String = "", fallback: String) -> String {
    var base = Self.sanitized(name)
    if base.isEmpty { base = fallback }
    if prefix.isEmpty, base.first?.isNumber == true { base = "\(fallback)_\(base)" }
    base = prefix + base
    if taken.insert(base).inserted { return base }
    var number = next[base] ?? 2
    while !taken.insert("\(base)_\(number)").inserted { number += 1 }
    next[base] = number + 1
    return "\(base)_\(number)"
  }

  private static func sanitized(_ name: String) -> String {
    var result: [UInt8] = []
    let underscore = UInt8(ascii: "_")
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        result.append(byte)
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): result.append(byte | 0x20)
      default: if result.last != underscore, !result.isEmpty { result.append(underscore) }
      }
    }
    if result.last == underscore { result.removeLast() }
    if result.count > longest {
      let wasWithinWord = result[result.count - longest - 1] != underscore
      var end = result.suffix(longest)
      if wasWithinWord, let next = end.firstIndex(of: underscore) { end = end[next...] }
      result = Array(end.drop { $0 == underscore })
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Keywords of C and C++, and lower-case names that headers and compilers define.
  private static let words: Set<String> = Set(
    """
    alignas alignof and and_eq arena arena_bytes asm assert auto base bitand bitor bool break case \
    catch char char16_t char32_t char8_t class co_await co_return co_yield compl complex concept \
    const const_cast consteval constexpr constinit continue decltype default delete do double \
    dynamic_cast else enum errno explicit export extern false far float for friend fortran goto huge \
    i386 if imaginary in inline int int16_t int32_t int64_t int8_t interrupt linux long main memcpy \
    memset mutable namespace near new noexcept noreturn not not_eq nullptr operator or or_eq out \
    private protected public register reinterpret_cast requires restrict return short signed size_t \
    sizeof static static_assert static_cast stderr stdin stdout struct switch template this \
    thread_local throw true try typedef typeid typename typeof uint16_t uint32_t uint64_t uint8_t \
    uintptr_t union unix unsigned using virtual void volatile wchar_t while xor xor_eq
    """.split(separator: " ").map(String.init))
}
