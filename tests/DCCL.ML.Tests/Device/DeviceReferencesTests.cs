using System.Reflection;
using DCCL.ML.Device;
using DCCL.ML.Scoring;
using NUnit.Framework;

namespace DCCL.ML.Tests.Device;

/// <summary>What runs on devices asks for nothing of ML.NET: its assemblies need not even be there.</summary>
public sealed class DeviceReferencesTests
{
    [Test]
    public void Device_EveryMethod_UsesNothingOfMlNet()
    {
        Type[] types = [.. typeof(DevicePersonalizer).Assembly.GetTypes().Where(type => type.Namespace == typeof(DevicePersonalizer).Namespace)];

        Assert.That(types, Has.Length.GreaterThan(15));
        Assert.That(types.SelectMany(FindMlNet).Distinct(), Is.Empty);
    }

    [Test]
    public void FindMlNet_OfATransformer_FindsIt() =>
        Assert.That(FindMlNet(typeof(DeviceCloudPredictionTransformer)), Has.Some.Contains("Microsoft.ML"));

    private static IEnumerable<string> FindMlNet(Type type)
    {
        IEnumerable<Type?> used = MethodCode.GetMethods(type).SelectMany(GetTypes)
            .Concat(type.GetFields(MethodCode.Declared).Select(field => field.FieldType)).Append(type.BaseType).Concat(type.GetInterfaces());
        return used.OfType<Type>().SelectMany(Parts).Where(IsMlNet).Select(part => $"{type.Name}: {part.FullName} of {part.Assembly.GetName().Name}");
    }

    private static bool IsMlNet(Type type) =>
        type.Assembly.GetName().Name is string name && name.StartsWith("Microsoft.ML", StringComparison.Ordinal) && name != "Microsoft.ML.OnnxRuntime";

    private static IEnumerable<Type> Parts(Type type) =>
        type.HasElementType ? Parts(type.GetElementType()!) : type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts).Append(type) : [type];

    private static IEnumerable<Type?> GetTypes(MethodBase method)
    {
        IEnumerable<Type?> signature = method.GetParameters().Select(parameter => parameter.ParameterType);
        signature = method is MethodInfo info ? signature.Append(info.ReturnType) : signature;
        MethodBody? body = method.GetMethodBody();
        return body is null ? signature : signature.Concat(body.LocalVariables.Select(local => local.LocalType)).Concat(MethodCode.GetMembers(method).SelectMany(Describe));
    }

    private static IEnumerable<Type?> Describe(MemberInfo member) => member switch
    {
        Type type => [type],
        MethodInfo method => [method.DeclaringType, method.ReturnType, .. method.GetParameters().Select(parameter => parameter.ParameterType)],
        FieldInfo field => [field.DeclaringType, field.FieldType],
        _ => [member.DeclaringType],
    };
}
