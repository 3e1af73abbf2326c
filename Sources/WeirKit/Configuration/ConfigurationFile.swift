import Foundation
import Yams

/// Reads a YAML file of settings into flat `name = text` pairs, each with its line.
enum ConfigurationFile {
    /// Settings are few: a larger file is a mistake.
    static let bytesMax = 1 << 16
    static let settingsMax = 1000
    /// The parser calls itself for each level, and a thread's stack may be small.
    static let nestingMax = 64

    static func read(path: String) throws -> [ConfigurationLayers.Given] {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw ConfigurationRefusal(["\(path): the configuration file cannot be read; check --config or WEIR_CONFIG"])
        }
        defer { try? handle.close() }
        let data: Data
        do {
            data = try handle.read(upToCount: bytesMax + 1) ?? Data()
        } catch {
            throw ConfigurationRefusal(["\(path): the configuration file cannot be read: \(ErrorText.of(error))"])
        }
        guard data.count <= bytesMax else {
            throw ConfigurationRefusal(["\(path): is larger than \(ByteSize.text(bytesMax)), which no configuration is"])
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ConfigurationRefusal(["\(path): is not UTF-8 text"])
        }
        return try parse(text, path: path)
    }

    static func parse(_ text: String, path: String) throws -> [ConfigurationLayers.Given] {
        if let line = YAMLAliases.line(in: text) {
            throw ConfigurationRefusal(["\(path):\(line): uses an anchor and aliases (&name, *name), which settings do not need"])
        }
        guard nesting(text) <= nestingMax else {
            throw ConfigurationRefusal([
                "\(path): has more than \(nestingMax) brackets or braces open at once, which settings do not need"
            ])
        }
        let root: Node?
        do {
            root = try compose(yaml: text)
        } catch let error as YamlError {
            throw ConfigurationRefusal(["\(path): is not valid YAML: \(error)"])
        }
        guard let root, root.null == nil else { return [] }
        guard case .mapping(let mapping) = root else {
            throw ConfigurationRefusal(["\(path):\(line(root)): expected settings as 'name: value'"])
        }
        var flat = Flattener(path: path)
        flat.add(mapping, prefix: "", depth: 0)
        guard flat.problems.isEmpty else { throw ConfigurationRefusal(flat.problems) }
        guard flat.given.count <= settingsMax else {
            throw ConfigurationRefusal(["\(path): has \(flat.given.count) settings, there are fewer than \(settingsMax)"])
        }
        return flat.given
    }

    /// How many brackets and braces are open at once, quoted ones included.
    private static func nesting(_ text: String) -> Int {
        var (open, most) = (0, 0)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"): open += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): open -= 1
            default: continue
            }
            most = max(most, open)
        }
        return most
    }

    private static func line(_ node: Node) -> Int { node.mark?.line ?? 1 }

    private struct Flattener {
        let path: String
        var given: [ConfigurationLayers.Given] = []
        var problems: [String] = []

        init(path: String) { self.path = path }

        /// The depth is bounded by that of the longest key, far below 20.
        mutating func add(_ mapping: Node.Mapping, prefix: String, depth: Int) {
            for (keyNode, node) in mapping {
                let here = "\(path):\(line(keyNode))"
                guard let word = keyNode.scalar?.string, !word.isEmpty else {
                    problems.append("\(here): a setting's name must be a text")
                    continue
                }
                let name = prefix + word
                switch node {
                case .mapping(let inner) where depth < 20: add(inner, prefix: name + ".", depth: depth + 1)
                case .mapping: problems.append("\(here): '\(name)' is nested too deeply")
                case .scalar(let scalar) where node.null != nil && scalar.style == .plain:
                    problems.append("\(here): '\(name)' has no value; remove the line to use the default")
                case .scalar(let scalar): append(name, scalar.string, keyNode)
                case .sequence(let items): addList(name, items, keyNode)
                case .alias: problems.append("\(here): '\(name)' uses an alias, which settings do not need")
                }
            }
        }

        private mutating func addList(_ name: String, _ items: Node.Sequence, _ keyNode: Node) {
            let texts = items.compactMap { $0.scalar?.string }
            guard texts.count == items.count, !texts.contains(where: { $0.contains(",") }) else {
                problems.append(
                    "\(path):\(line(keyNode)): '\(name)' must be a list of plain values without commas")
                return
            }
            append(name, texts.joined(separator: ","), keyNode)
        }

        private mutating func append(_ name: String, _ text: String, _ keyNode: Node) {
            if let first = given.first(where: { $0.name == name }) {
                problems.append("\(path):\(line(keyNode)): '\(name)' is given twice, first at \(first.origin)")
            }
            given.append(.init(name: name, text: text, origin: .file(path: path, line: line(keyNode))))
        }
    }
}
