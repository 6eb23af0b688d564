using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.TestKit.Conformance;

/// <summary>Mapping row by row, as prediction engines do, gives what Transform gives.</summary>
internal static class MapperChecks
{
    public const string Name = "Row mapper";

    public static void Check(ITransformer model, IDataView data, ConformanceOptions options)
    {
        if (!model.IsRowToRowMapper)
        {
            CheckRefused(model, data);
            return;
        }

        IDataView output = model.Transform(data);
        IRowToRowMapper mapper = model.GetRowToRowMapper(data.Schema);
        SchemaText.Compare(Name, SchemaText.Describe(mapper.InputSchema), SchemaText.Describe(data.Schema));
        SchemaText.Compare(Name, SchemaText.Describe(mapper.OutputSchema), SchemaText.Describe(output.Schema));
        DataViewSchema.Column[] columns = [.. mapper.OutputSchema];
        List<TableRow> expected = Table.Read(output, [.. output.Schema]);
        Table.Compare(Name, Read(mapper, data, columns), expected, columns, options.Tolerance);
        foreach (DataViewSchema.Column column in columns)
        {
            List<TableRow> alone = [.. expected.Select(row => row with { Values = [row.Values[column.Index]] })];
            Table.Compare(Name, Read(mapper, data, [column]), alone, [column], options.Tolerance);
        }
    }

    private static List<TableRow> Read(IRowToRowMapper mapper, IDataView data, DataViewSchema.Column[] columns)
    {
        DataViewSchema.Column[] dependencies = [.. mapper.GetDependencies(columns)];
        if (dependencies.FirstOrDefault(column => data.Schema.Count <= column.Index || data.Schema[column.Index].Name != column.Name) is { Name: { } other })
        {
            throw new ConformanceException(Name, $"dependencies must be columns of the input, but '{other}' is none.");
        }

        using DataViewRowCursor cursor = data.GetRowCursor(dependencies);
        DataViewRow row = mapper.GetRow(cursor, columns);
        Func<TableRow> read = Table.CreateReader(row, columns);
        List<TableRow> rows = [];
        while (cursor.MoveNext())
        {
            if (row.Position != cursor.Position)
            {
                throw new ConformanceException(Name, $"the position must be that of the input, {cursor.Position}, but is {row.Position}.");
            }

            rows.Add(read());
        }

        return rows;
    }

    private static void CheckRefused(ITransformer model, IDataView data)
    {
        try
        {
            model.GetRowToRowMapper(data.Schema);
        }
        catch (Exception fault) when (fault is InvalidOperationException or NotSupportedException)
        {
            return;
        }

        throw new ConformanceException(Name, "GetRowToRowMapper must throw where IsRowToRowMapper is false, but gives one.");
    }
}
