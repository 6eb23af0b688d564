using DCCL.ML.Data;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Recommendation;

/// <summary>The columns that a <see cref="TopItemsTransformer"/> reads, and the schema with the two columns that it adds.</summary>
internal sealed class TopItemsColumns
{
    /// <summary>Finds the columns.</summary>
    /// <exception cref="ArgumentException">One is missing, of another type, or mapped otherwise than the model's log.</exception>
    public TopItemsColumns(TopItemsTransformer transformer, DataViewSchema input)
    {
        User = InteractionColumns.Find(input, transformer.UserColumnName);
        CheckUser(User.Name, ColumnShape.Of(User.Type));
        if (User.Type is KeyDataViewType)
        {
            KeyAgreement.Check(User, transformer.Model.UserIds, transformer.Model.History.NumberOfUsers);
        }

        Context = new ContextColumns(transformer.Model, input, comparesKeys: true);
        Input = input;
        DataViewSchema.Builder builder = new();
        builder.AddColumns(input);
        int numberOfItems = transformer.Model.Parameters.Architecture.NumberOfItems;
        builder.AddColumn(
            transformer.Options.ItemsColumnName,
            new VectorDataViewType(new KeyDataViewType(typeof(uint), numberOfItems), transformer.Options.NumberOfItems),
            DescribeItems(transformer.Model.ItemIds));
        builder.AddColumn(
            transformer.Options.ScoresColumnName, new VectorDataViewType(NumberDataViewType.Single, transformer.Options.NumberOfItems));
        Output = builder.ToSchema();
    }

    public DataViewSchema.Column User { get; }

    /// <summary>Gets the columns with rows' own histories and profiles.</summary>
    public ContextColumns Context { get; }

    public DataViewSchema Input { get; }

    public DataViewSchema Output { get; }

    /// <summary>Checks the type of the user column.</summary>
    public static void CheckUser(string name, ColumnShape shape)
    {
        if (!shape.IsScalar || !(shape.IsKey ? shape.ItemType.RawType == typeof(uint) : shape.ItemType is TextDataViewType))
        {
            throw InteractionColumns.WrongType(
                name, "Key<UInt32> or String", shape.Text, "Append Conversion.MapValueToKey, or ConvertType to String, before this transform.");
        }
    }

    /// <summary>Whether any of the two added columns is wanted.</summary>
    public bool AddsAny(bool[] active) => active.AsSpan(Input.Count).Contains(true);

    /// <summary>Which output columns are wanted.</summary>
    public bool[] Activate(IEnumerable<DataViewSchema.Column> columns)
    {
        bool[] active = new bool[Output.Count];
        foreach (DataViewSchema.Column column in columns)
        {
            active[column.Index] = true;
        }

        return active;
    }

    /// <summary>The input columns that some of the output columns are made from.</summary>
    public IEnumerable<DataViewSchema.Column> GetDependencies(bool[] active)
    {
        HashSet<int> read = AddsAny(active) ? [User.Index, .. Context.All.Select(column => column.Index)] : [];
        return Input.Where(column => active[column.Index] || read.Contains(column.Index));
    }

    private static DataViewSchema.Annotations? DescribeItems(IReadOnlyList<string>? ids)
    {
        if (ids is null)
        {
            return null;
        }

        ReadOnlyMemory<char>[] texts = [.. ids.Select(id => id.AsMemory())];
        DataViewSchema.Annotations.Builder annotations = new();
        ValueGetter<VBuffer<ReadOnlyMemory<char>>> values = (ref VBuffer<ReadOnlyMemory<char>> value) =>
            value = new VBuffer<ReadOnlyMemory<char>>(texts.Length, texts);
        annotations.Add(KeyIds.KeyValues, new VectorDataViewType(TextDataViewType.Instance, texts.Length), values);
        return annotations.ToAnnotations();
    }
}
