/// Left-aligned columns, two spaces apart, as wide as their widest cell.
package struct TextTable {
    package let header: [String]
    package var rows: [[String]] = []

    package init(_ header: [String]) { self.header = header }

    package var text: String {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: width - cell.count + 2)
            }
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
