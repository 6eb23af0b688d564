using Microsoft.ML;

namespace DCCL.TestKit.Conformance;

/// <summary>Writes schemas down, one line for a column, so that they can be compared and differences be read.</summary>
internal static class SchemaText
{
    /// <summary>Everything: names, types, which are hidden, annotations and their values.</summary>
    public static string[] Describe(DataViewSchema schema) =>
    [
        .. schema.Select(column => $"{column.Name}: {column.Type}{(column.IsHidden ? " (hidden)" : "")}"
            + string.Concat(column.Annotations.Schema.OrderBy(annotation => annotation.Name, StringComparer.Ordinal).Select(
                annotation => $"; {annotation.Name} = {annotation.Type} {Cells.Describe(Cells.Read(column.Annotations, annotation))}"))),
    ];

    /// <summary>Names and types only.</summary>
    public static string[] DescribeTypes(DataViewSchema schema) => [.. schema.Select(column => $"{column.Name}: {column.Type}")];

    /// <summary>Names, kinds, types, and the same of the annotations.</summary>
    public static string[] Describe(SchemaShape shape) =>
    [
        .. shape.OrderBy(column => column.Name, StringComparer.Ordinal).Select(column => Describe(column)
            + string.Concat(column.Annotations.OrderBy(annotation => annotation.Name, StringComparer.Ordinal).Select(
                annotation => $"; {Describe(annotation)}"))),
    ];

    /// <summary>Throws where descriptions differ.</summary>
    public static void Compare(string check, string[] actual, string[] expected)
    {
        string[] tooMany = [.. actual.Except(expected)];
        string[] missing = [.. expected.Except(actual)];
        if (tooMany.Length > 0 || missing.Length > 0 || actual.Length != expected.Length)
        {
            throw new ConformanceException(
                check, $"there must be the columns {List(missing.Length > 0 ? missing : expected)}, but are {List(tooMany.Length > 0 ? tooMany : actual)}.");
        }
    }

    private static string Describe(SchemaShape.Column column) =>
        $"{column.Name}: {column.Kind} {(column.IsKey ? $"Key<{column.ItemType}>" : column.ItemType)}";

    private static string List(string[] lines) => $"<{string.Join(" | ", lines)}>";
}
