using Microsoft.ML;
using Microsoft.ML.Data;

namespace QuickStart;

/// <summary>What is known of the users, in a file such as MovieLens' u.user: id|age|gender|occupation|zip.</summary>
internal static class UserFile
{
    private const int NumberOfColumns = 5;

    /// <summary>Adds the column Profile to a log: age, gender and occupation as numbers; zeros for users who are not in the file.</summary>
    public static IDataView AddProfiles(MLContext ml, IDataView log, string path)
    {
        (char separator, string[] firstLine) = LogFile.ReadFirstLine(path, "file of users");
        if (firstLine.Length != NumberOfColumns)
        {
            throw new InvalidDataException(
                $"'{path}' must have the {NumberOfColumns} columns id|age|gender|occupation|zip, but its first line has {firstLine.Length}: "
                + $"'{LogFile.Shorten(firstLine, separator)}'. Bring it into this form, or leave --users out.");
        }

        IDataView users = ml.Data.LoadFromTextFile(path, new TextLoader.Options
        {
            Columns =
            [
                new("UserId", DataKind.String, 0), new("Age", DataKind.Single, 1),
                new("Gender", DataKind.String, 2), new("Occupation", DataKind.String, 3),
            ],
            Separators = [separator],
        });
        IEstimator<ITransformer> encode = ml.Transforms.NormalizeMeanVariance("Age")
            .Append(ml.Transforms.Categorical.OneHotEncoding([new("Gender"), new("Occupation")]))
            .Append(ml.Transforms.Concatenate("Profile", "Age", "Gender", "Occupation"));
        IDataView encoded = encode.Fit(users).Transform(users);
        Dictionary<string, float[]> profiles = [];
        foreach ((string user, float[] profile) in encoded.GetColumn<string>("UserId").Zip(encoded.GetColumn<float[]>("Profile")))
        {
            profiles[user] = profile;
        }

        if (!log.GetColumn<string>("UserId").Any(profiles.ContainsKey))
        {
            throw new InvalidDataException(
                $"'{path}' must have users of the log, but has none of them. Give the file that belongs to the log.");
        }

        return AddColumn(ml, log, profiles, ((VectorDataViewType)encoded.Schema["Profile"].Type).Size);
    }

    private static IDataView AddColumn(MLContext ml, IDataView log, Dictionary<string, float[]> profiles, int size)
    {
        float[] unknown = new float[size];
        SchemaDefinition output = SchemaDefinition.Create(typeof(ProfileRow));
        output["Profile"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, size);
        void Map(UserRow input, ProfileRow result) => result.Profile = profiles.GetValueOrDefault(input.UserId, unknown);
        return ml.Transforms.CustomMapping<UserRow, ProfileRow>(Map, contractName: null, outputSchemaDefinition: output)
            .Fit(log).Transform(log);
    }

    private sealed class UserRow
    {
        public string UserId { get; set; } = "";
    }

    private sealed class ProfileRow
    {
        public float[] Profile { get; set; } = [];
    }
}
